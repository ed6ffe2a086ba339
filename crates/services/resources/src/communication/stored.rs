//! Changing stored properties outside of the tree's own writes: what an action sets, what a child changes on
//! its parent.

use gatepost_store::{StoreError, Tx, resources};
use serde_json::{Map, Value};

/// The stored properties of a row.
///
/// # Errors
/// [`StoreError::Corrupt`] when they are no JSON object.
pub(super) fn properties_of(row: &resources::ResourceRow) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(&row.properties)
        .map_err(|error| StoreError::Corrupt(format!("properties of {}: {error}", row.id)))
}

/// Sets one property of a resource, if the resource exists.
///
/// # Errors
/// [`StoreError`].
pub(super) fn set_property(tx: &Tx<'_>, key: &str, name: &str, value: Value) -> Result<(), StoreError> {
    let Some(mut row) = resources::find(tx, key)? else { return Ok(()) };
    let mut properties = properties_of(&row)?;
    properties.insert(name.to_owned(), value);
    row.properties = Value::Object(properties).to_string();
    resources::update(tx, &row).map(|_| ())
}

/// A text among stored properties; empty where there is none.
pub(super) fn text<'a>(properties: &'a Map<String, Value>, name: &str) -> &'a str {
    properties.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// `provisioningState`, then `properties`: nothing here takes time, so the state is always the final one.
pub(super) fn succeeded(properties: &Map<String, Value>) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("provisioningState".into(), "Succeeded".into());
    shown.extend(properties.iter().map(|(name, value)| (name.clone(), value.clone())));
    shown
}
