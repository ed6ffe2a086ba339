//! The properties of directory objects in Microsoft Graph's form: their types, their values when nothing is
//! said, and which of them clients may write.
//!
//! An object is kept without the properties that say nothing ([`prune`]) and shown with all of them
//! ([`complete`]), so that a list is never null and a nested object is never missing.

mod application;
mod group;
mod merge;
mod service_principal;
mod user;

use gatepost_store::directory::ObjectKind;
use serde_json::{Map, Value};

pub(crate) use merge::{merge, merge_new};

/// The type of a property.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Text or null.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A GUID as text, or null.
    Guid,
    /// A time as text, or null.
    Time,
    /// A whole number, or null.
    Integer,
    /// True or false; this unless something is said.
    Flag(bool),
    /// True, false or null.
    OptionalFlag,
    /// A list of texts.
    Texts,
    /// An object with these properties.
    Object(&'static [Property]),
    /// The same, or null; null unless something is said.
    OptionalObject(&'static [Property]),
    /// A list of objects with these properties.
    Objects(&'static [Property]),
}

/// Who writes a property.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Clients.
    Client,
    /// Clients, when they make the object, and nobody afterwards.
    Once,
    /// The server: it is shown and cannot be set.
    Server,
}

/// A property of an object.
#[derive(Debug)]
pub(crate) struct Property {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) shape: Shape,
    /// Who writes it.
    pub(crate) writer: Writer,
}

const fn p(name: &'static str, shape: Shape) -> Property {
    Property { name, shape, writer: Writer::Client }
}

const fn once(name: &'static str, shape: Shape) -> Property {
    Property { name, shape, writer: Writer::Once }
}

const fn server(name: &'static str, shape: Shape) -> Property {
    Property { name, shape, writer: Writer::Server }
}

const KEY_CREDENTIALS: Property = server("keyCredentials", Shape::Objects(&[]));
const PASSWORD_CREDENTIALS: Property = server("passwordCredentials", Shape::Objects(&[]));

/// The properties of a kind of object, in the order in which they are shown.
pub(crate) fn properties(kind: ObjectKind) -> &'static [Property] {
    match kind {
        ObjectKind::Application => application::APPLICATION,
        ObjectKind::ServicePrincipal => service_principal::SERVICE_PRINCIPAL,
        ObjectKind::User => user::USER,
        ObjectKind::Group => group::GROUP,
    }
}

/// The property of a kind with this name, ignoring letter case, in its own spelling.
pub fn property_name(kind: ObjectKind, name: &str) -> Option<&'static str> {
    properties(kind).iter().map(|property| property.name).find(|known| known.eq_ignore_ascii_case(name))
}

/// The properties that a reply has when it is not told which.
pub fn default_properties(kind: ObjectKind) -> impl Iterator<Item = &'static str> {
    let shown = if kind == ObjectKind::User { user::DEFAULT } else { usize::MAX };
    properties(kind).iter().take(shown).map(|property| property.name)
}

/// Microsoft Graph's name of the type in error texts about its properties.
pub(crate) fn resource_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Application => "Application",
        ObjectKind::ServicePrincipal => "ServicePrincipal",
        ObjectKind::User => "User",
        ObjectKind::Group => "Group",
    }
}

/// A document with every property at its value when nothing is said.
pub(crate) fn blank(properties: &[Property]) -> Map<String, Value> {
    properties.iter().map(|property| (property.name.to_owned(), default(&property.shape))).collect()
}

fn default(shape: &Shape) -> Value {
    match shape {
        Shape::Text
        | Shape::Guid
        | Shape::Time
        | Shape::Integer
        | Shape::OptionalFlag
        | Shape::OptionalObject(_) => Value::Null,
        Shape::OneOf(values) => values.first().map_or(Value::Null, |first| Value::from(*first)),
        Shape::Flag(value) => Value::Bool(*value),
        Shape::Texts | Shape::Objects(_) => Value::Array(Vec::new()),
        Shape::Object(properties) => Value::Object(blank(properties)),
    }
}

/// Whether a property is not a single value.
pub(crate) fn is_collection(kind: ObjectKind, name: &str) -> Option<bool> {
    let property = properties(kind).iter().find(|property| property.name.eq_ignore_ascii_case(name))?;
    Some(matches!(property.shape, Shape::Texts | Shape::Objects(_)))
}

/// A document as it is kept: without the properties that are null or an empty list.
pub(crate) fn prune(document: Map<String, Value>) -> Map<String, Value> {
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::Array(elements) => !elements.is_empty(),
        _ => true,
    };
    document.into_iter().filter(|(_, value)| says_something(value)).collect()
}

/// A kept document with all properties of its kind, in their order.
pub(crate) fn complete(kind: ObjectKind, mut kept: Map<String, Value>) -> Map<String, Value> {
    properties(kind)
        .iter()
        .map(|property| {
            let value = kept.get_mut(property.name).map(Value::take);
            (property.name.to_owned(), value.unwrap_or_else(|| absent(&property.shape)))
        })
        .collect()
}

/// What a property is that nothing was kept of.
fn absent(shape: &Shape) -> Value {
    match shape {
        Shape::Texts | Shape::Objects(_) => Value::Array(Vec::new()),
        Shape::Object(properties) => Value::Object(blank(properties)),
        Shape::Flag(value) => Value::Bool(*value),
        _ => Value::Null,
    }
}
