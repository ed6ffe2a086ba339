//! Conditions of role assignments and of permission blocks, version 2.0 (reference rbac.md section 9).
//!
//! A condition is read once, when it is written or loaded, and asked often: [`Condition::evaluate`]
//! allocates nothing. Whatever is not known to be true grants nothing: a missing attribute, a value of
//! another type and a text that could not be read all make the condition false, also under a negation.
//! docs/conditions.md is the reference for those who write conditions.

mod error;
mod evaluate;
mod known;
mod lexer;
mod literal;
mod operator;
mod parser;
mod syntax;
mod text;
mod trace;

use std::fmt;

use uuid::Uuid;

use syntax::Expression;

pub use error::ConditionError;
pub use known::{
    CLIENT_ADDRESS, KNOWN, Kind, KnownAttribute, NotValid, PRINCIPAL_ID, PRINCIPAL_TYPE, RECIPIENT_COUNT,
    RECIPIENT_DOMAIN, ROLE_DEFINITION_ID, SENDER_ADDRESS, SENDER_DOMAIN, UTC_NOW, check_known,
};
pub(crate) use trace::time as fmt_time;

/// Most bytes in the text of a condition.
pub const MAX_BYTES: usize = 8 * 1024;

/// Where an attribute comes from: the word after `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The time, the network.
    Environment,
    /// Who asks.
    Principal,
    /// What the request would make.
    Request,
    /// What is there already.
    Resource,
}

impl Source {
    const EACH: [Source; 4] = [Source::Environment, Source::Principal, Source::Request, Source::Resource];

    /// The word after `@`.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Environment => "Environment",
            Source::Principal => "Principal",
            Source::Request => "Request",
            Source::Resource => "Resource",
        }
    }

    fn parse(word: &str) -> Option<Source> {
        Source::EACH.into_iter().find(|source| source.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value that an attribute has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A string.
    Text(&'a str),
    /// Strings.
    Texts(&'a [&'a str]),
    /// An integer.
    Number(i64),
    /// True or false.
    Boolean(bool),
    /// A GUID.
    Guid(Uuid),
    /// GUIDs.
    Guids(&'a [Uuid]),
    /// A moment, in Unix µs.
    Time(i64),
}

/// What is known of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attribute<'a> {
    /// Its value.
    Known(Value<'a>),
    /// It will have a value that is not known yet.
    Unknown,
    /// There is none.
    Absent,
}

/// What a request tells a condition. Names are compared ignoring letter case.
pub trait Attributes {
    /// The attribute of this source and name.
    fn get(&self, source: Source, name: &str) -> Attribute<'_>;
}

/// A request that tells nothing: each attribute is absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAttributes;

impl Attributes for NoAttributes {
    fn get(&self, _: Source, _: &str) -> Attribute<'_> {
        Attribute::Absent
    }
}

/// What a condition says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It holds, whatever the unknown attributes turn out to be.
    True,
    /// It does not hold, whatever they turn out to be.
    False,
    /// It depends on them.
    Unknown,
}

/// A comparison of a condition, as one request met it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLine {
    /// The comparison, as it is written in the condition.
    pub text: String,
    /// What its attributes were, such as `@Request[...:RecipientCount] is 12`; empty if it has none.
    pub saw: String,
    /// What it came to.
    pub outcome: Truth,
}

/// A condition that was read.
#[derive(Clone, Debug)]
pub struct Condition {
    text: Box<str>,
    /// [`None`] is never true.
    tree: Option<Box<Expression>>,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`ConditionError`] says what was expected, and where.
    pub fn parse(text: &str) -> Result<Condition, ConditionError> {
        if text.len() > MAX_BYTES {
            return Err(ConditionError::new(
                text,
                MAX_BYTES,
                format!("a condition has at most {MAX_BYTES} bytes"),
            ));
        }
        Ok(Condition { tree: Some(Box::new(parser::parse(text)?)), text: text.into() })
    }

    /// Reads the condition of a built-in role, or one from the store; one that cannot be read is never true.
    pub fn parse_builtin(text: &str) -> Condition {
        Condition::parse(text).unwrap_or_else(|_| Condition { text: text.into(), tree: None })
    }

    /// Whether it could not be read and so is never true.
    pub fn is_never_true(&self) -> bool {
        self.tree.is_none()
    }

    /// What it says to `action`. Allocates nothing; the cost is bounded by the length of the text and of the
    /// values.
    pub fn evaluate(&self, action: &str, attributes: &dyn Attributes) -> Truth {
        match &self.tree {
            Some(tree) => evaluate::answers(tree, action, attributes).truth(),
            None => Truth::False,
        }
    }

    /// Each comparison in the order of the text, with what it saw and what it came to. Under a negation,
    /// what has no answer stays false as a whole; see `docs/conditions.md`.
    pub fn trace(&self, action: &str, attributes: &dyn Attributes) -> Vec<TraceLine> {
        match &self.tree {
            Some(tree) => trace::lines(tree, &self.text, action, attributes),
            None => vec![TraceLine {
                text: self.text.to_string(),
                saw: "the condition cannot be read".to_owned(),
                outcome: Truth::False,
            }],
        }
    }

    /// The attributes that it asks for, each once.
    pub fn attributes(&self) -> impl Iterator<Item = (Source, &str)> {
        let mut found: Vec<(Source, &str)> = Vec::new();
        self.walk(&mut |expression| {
            for reference in expression.own_attributes() {
                let is_same = |(source, name): &(Source, &str)| {
                    *source == reference.source && name.eq_ignore_ascii_case(&reference.name)
                };
                if !found.iter().any(is_same) {
                    found.push((reference.source, &reference.name));
                }
            }
        });
        found.into_iter()
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        if let Some(tree) = &self.tree {
            tree.walk(visit);
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Conditions are equal when their texts are.
impl PartialEq for Condition {
    fn eq(&self, other: &Condition) -> bool {
        self.text == other.text
    }
}

impl Eq for Condition {}

#[cfg(test)]
mod tests;
