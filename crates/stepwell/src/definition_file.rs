//! Definitions in files: JSON, or YAML (`.asl.yaml`, `.yaml`, `.yml`), with `${Name}` placeholders.

mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A definition as it stands in a file.
pub struct DefinitionFile {
    /// The text of the file.
    source: String,
    format: Format,
    /// The definition as JSON text, placeholders substituted.
    pub definition: String,
    /// Placeholders for which no value was given.
    pub unresolved: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Yaml,
}

/// Why a file gives no definition.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{path}` is not YAML")]
    Yaml { path: PathBuf, source: yaml::Error },
    #[error("`{0}` is no substitution; write it as NAME=VALUE")]
    Substitution(String),
}

/// `--substitute NAME=VALUE …` as a map.
pub fn substitutions(arguments: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let pair = |argument: &String| match argument.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Error::Substitution(argument.clone())),
    };
    arguments.iter().map(pair).collect()
}

impl DefinitionFile {
    /// Reads `path` and substitutes its placeholders.
    pub fn read(path: &Path, substitutions: &BTreeMap<String, String>) -> Result<DefinitionFile, Error> {
        let source = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let format = format_of(path);
        let (substituted, unresolved) = asl::substitute(&source, substitutions);
        let definition = match format {
            Format::Json => substituted,
            Format::Yaml => {
                yaml::parse(&substituted).map_err(|source| Error::Yaml { path: path.to_owned(), source })?.to_string()
            }
        };
        Ok(DefinitionFile { source, format, definition, unresolved })
    }

    /// Line and column (from 1) of the first place that is no JSON; placeholders are substituted before.
    pub fn syntax_error(&self) -> Option<(usize, usize)> {
        let offset = json::Value::parse(&self.definition).err()?.offset;
        let before = self.definition.get(..offset)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..)?.chars().count() + 1;
        Some((before.matches('\n').count() + 1, column))
    }

    /// Line and column (from 1) of a location such as `/States/Pay/Next` in the file.
    pub fn locate(&self, location: &str) -> Option<(usize, usize)> {
        match self.format {
            Format::Json => json::locate(&self.source, location),
            Format::Yaml => yaml::locate(&self.source, location),
        }
    }
}

fn format_of(path: &Path) -> Format {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => Format::Yaml,
        _ => Format::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_becomes_json_and_keeps_its_places() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello.asl.yaml");
        std::fs::write(
            &path,
            "StartAt: Hello\nStates:\n  Hello:\n    Type: Pass\n    Result: ${Greeting}\n    End: true\n",
        )
        .unwrap();
        let file = DefinitionFile::read(&path, &substitutions(&["Greeting=hi".to_owned()]).unwrap()).unwrap();
        assert_eq!(
            file.definition,
            r#"{"StartAt":"Hello","States":{"Hello":{"Type":"Pass","Result":"hi","End":true}}}"#
        );
        assert_eq!(file.locate("/States/Hello/Result").map(|(line, _)| line), Some(5));
    }

    #[test]
    fn what_is_no_json_has_a_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.asl.json");
        std::fs::write(&path, "{\n  \"StartAt\": \"A\"\n  \"States\": {}\n}").unwrap();
        let file = DefinitionFile::read(&path, &BTreeMap::new()).unwrap();
        assert_eq!(file.syntax_error(), Some((3, 3)));
    }

    #[test]
    fn a_substitution_needs_a_name_and_a_value() {
        assert!(matches!(substitutions(&["Greeting".to_owned()]), Err(Error::Substitution(_))));
    }
}
