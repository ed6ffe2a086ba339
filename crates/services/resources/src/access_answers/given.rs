//! What a question says of the request that it is about: values for the attributes of conditions.

use gatepost_clock::Timestamp;
use gatepost_rbac::condition::{Attribute, Attributes, KNOWN, Kind, Source, Value as Known};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::ResourceError;
use crate::tags::bad;

/// Most attributes that one question gives.
const MOST: usize = 32;

/// The values; each attribute that is not among them is open, if this server supplies it.
#[derive(Debug, Default)]
pub(super) struct Given(Vec<(Source, String, Held)>);

#[derive(Debug)]
enum Held {
    Text(String),
    Number(i64),
    Boolean(bool),
    Guid(Uuid),
    Time(i64),
}

impl Given {
    /// Reads `{"@Request[Microsoft.Communication/EmailServices:SenderAddress]": "a@example.com", ..}`.
    pub(super) fn read(attributes: Option<&Map<String, Value>>) -> Result<Given, ResourceError> {
        let mut given = Vec::new();
        for (name, value) in attributes.into_iter().flatten() {
            let (source, name) = parse(name).ok_or_else(|| {
                refused(name, "its name must read @Request[name], @Resource[name] or @Environment[name]")
            })?;
            let held =
                Held::read(source, name, value).ok_or_else(|| refused(name, "its value is of no use"))?;
            given.push((source, name.to_owned(), held));
        }
        if given.len() > MOST {
            return Err(bad("InvalidAttributes", format!("A question gives at most {MOST} attributes.")));
        }
        Ok(Given(given))
    }
}

fn refused(name: &str, why: &str) -> ResourceError {
    let shown: String = name.chars().take(100).collect();
    bad("InvalidAttributes", format!("The attribute '{shown}' is not valid: {why}."))
}

fn parse(text: &str) -> Option<(Source, &str)> {
    let (source, name) = text.trim().strip_prefix('@')?.strip_suffix(']')?.split_once('[')?;
    let all = [Source::Request, Source::Resource, Source::Environment, Source::Principal];
    let source = all.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(source.trim()))?;
    let name = name.trim();
    (!name.is_empty()).then_some((source, name))
}

impl Held {
    fn read(source: Source, name: &str, value: &Value) -> Option<Held> {
        let is_it = |known: &&gatepost_rbac::condition::KnownAttribute| {
            known.source == source && known.name.eq_ignore_ascii_case(name)
        };
        let kind = KNOWN.iter().find(is_it).map(|known| known.kind);
        match (kind, value) {
            (Some(Kind::Guid), Value::String(text)) => text.parse().ok().map(Held::Guid),
            (Some(Kind::Time), Value::String(text)) => {
                text.parse::<Timestamp>().ok().map(|at| Held::Time(at.as_microsecond()))
            }
            (Some(Kind::Number), Value::String(text)) => text.parse().ok().map(Held::Number),
            (_, Value::String(text)) => Some(Held::Text(text.clone())),
            (_, Value::Number(number)) => number.as_i64().map(Held::Number),
            (_, Value::Bool(value)) => Some(Held::Boolean(*value)),
            _ => None,
        }
    }

    fn known(&self) -> Known<'_> {
        match self {
            Held::Text(text) => Known::Text(text),
            Held::Number(number) => Known::Number(*number),
            Held::Boolean(value) => Known::Boolean(*value),
            Held::Guid(id) => Known::Guid(*id),
            Held::Time(at) => Known::Time(*at),
        }
    }
}

impl Attributes for Given {
    fn get(&self, source: Source, name: &str) -> Attribute<'_> {
        let given = self.0.iter().find(|(of, known, _)| *of == source && known.eq_ignore_ascii_case(name));
        if let Some((.., held)) = given {
            return Attribute::Known(held.known());
        }
        let is_supplied =
            KNOWN.iter().any(|known| known.source == source && known.name.eq_ignore_ascii_case(name));
        if is_supplied { Attribute::Unknown } else { Attribute::Absent }
    }
}
