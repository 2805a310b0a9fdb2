//! The service model as botocore writes it: operations and shapes by name.

use serde_json::Value;
use std::collections::BTreeSet;

pub struct Service {
    model: Value,
}

/// A member of a structure.
pub struct Member<'a> {
    /// As it is on the wire.
    pub name: &'a str,
    pub shape: &'a str,
    pub required: bool,
}

impl Service {
    pub fn new(model: Value) -> Service {
        Service { model }
    }

    /// Names of all operations, sorted.
    pub fn operations(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.model["operations"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The input or output shape of an operation.
    pub fn shape_of(&self, operation: &str, direction: &str) -> Option<&str> {
        self.model["operations"][operation][direction]["shape"].as_str()
    }

    pub fn shape(&self, name: &str) -> &Value {
        &self.model["shapes"][name]
    }

    pub fn type_of(&self, shape: &str) -> &str {
        self.shape(shape)["type"].as_str().unwrap_or_default()
    }

    /// The members of a structure, in the order of the model.
    pub fn members(&self, structure: &str) -> Vec<Member<'_>> {
        let shape = self.shape(structure);
        let required: Vec<&str> =
            shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        (shape["members"].as_object().into_iter().flatten())
            .map(|(name, member)| Member {
                name,
                shape: member["shape"].as_str().unwrap_or_default(),
                required: required.contains(&name.as_str()),
            })
            .collect()
    }

    /// The structures below `shape`, itself not counted.
    pub fn structures_below(&self, shape: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        self.collect_structures(shape, &mut found);
        found
    }

    fn collect_structures<'a>(&'a self, shape: &str, found: &mut BTreeSet<&'a str>) {
        let below: Vec<&str> = match self.type_of(shape) {
            "structure" => self.members(shape).into_iter().map(|member| member.shape).collect(),
            "list" => self.shape(shape)["member"]["shape"].as_str().into_iter().collect(),
            "map" => self.shape(shape)["value"]["shape"].as_str().into_iter().collect(),
            _ => Vec::new(),
        };
        for name in below {
            if self.type_of(name) != "structure" || found.insert(name) {
                self.collect_structures(name, found);
            }
        }
    }
}
