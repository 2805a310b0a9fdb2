//! [`Location`]: where something stands in a definition.

use std::fmt;
use std::rc::Rc;

/// The way to a value: `/States/X/Arguments/items[0]`.
///
/// It is a chain of borrowed steps, shared by all that stands below one place, and becomes a text only where somebody
/// reads it: a definition may have thousands of values below a name of a megabyte. The default is the top, ``.
#[derive(Clone, Debug, Default)]
pub struct Location<'a>(Option<Rc<Link<'a>>>);

#[derive(Debug)]
struct Link<'a> {
    above: Location<'a>,
    step: Step<'a>,
}

#[derive(Debug)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

impl<'a> Location<'a> {
    /// The member `name` of the object here.
    #[must_use]
    pub fn member(&self, name: &'a str) -> Location<'a> {
        self.below(Step::Member(name))
    }

    /// The element at `index`, counted from 0, of the array here.
    #[must_use]
    pub fn element(&self, index: usize) -> Location<'a> {
        self.below(Step::Element(index))
    }

    /// Whether it is the top.
    pub fn is_top(&self) -> bool {
        self.0.is_none()
    }

    fn below(&self, step: Step<'a>) -> Location<'a> {
        Location(Some(Rc::new(Link { above: self.clone(), step })))
    }
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut links: Vec<&Link<'_>> = Vec::new();
        let mut next = self;
        while let Some(link) = &next.0 {
            links.push(link);
            next = &link.above;
        }
        links.iter().rev().try_for_each(|link| match link.step {
            Step::Member(name) => write!(f, "/{name}"),
            Step::Element(index) => write!(f, "[{index}]"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn steps_are_written_from_the_top() {
        let state = Location::default().member("States").member("X");
        let (retrier, next) = (state.member("Retry").element(2), state.member("Next"));
        assert_eq!(Location::default().to_string(), "");
        assert_eq!(retrier.to_string(), "/States/X/Retry[2]");
        assert_eq!(next.to_string(), "/States/X/Next");
        assert!(Location::default().is_top() && !state.is_top());
    }
}
