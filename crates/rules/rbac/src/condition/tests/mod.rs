//! Tests of the language as a whole.

mod builtins;
mod laws;
mod meaning;
mod reading;

use super::{Attribute, Attributes, Source, Value};

/// A request made of a list; what is not in it is absent.
pub(super) struct Request<'a>(pub(super) Vec<(Source, &'a str, Attribute<'a>)>);

impl Attributes for Request<'_> {
    fn get(&self, source: Source, name: &str) -> Attribute<'_> {
        let found = self.0.iter().find(|(s, n, _)| *s == source && n.eq_ignore_ascii_case(name));
        found.map_or(Attribute::Absent, |(_, _, attribute)| *attribute)
    }
}

/// A request that knows one attribute, `@Request[a]`.
pub(super) fn a(value: Value<'_>) -> Request<'_> {
    Request(vec![(Source::Request, "a", Attribute::Known(value))])
}
