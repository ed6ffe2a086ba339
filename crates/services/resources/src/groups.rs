//! Resource groups (reference entra-arm-clients.md section 6.6).

use gatepost_access::Caller;
use gatepost_names::{Scope, SubscriptionId};
use gatepost_store::resources::{self as rows, ResourceGroupRow};
use gatepost_store::{Conn, StoreError};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::activity::Intended;
use crate::listing::ResourceFilter;
use crate::locations;
use crate::provider::Change;
use crate::request::{Conditions, Listing, Page, Shown, Written};
use crate::tags::{bad, location_of, location_required, malformed, must_be_object, normal_location, tags_of};
use crate::{ResourceError, Resources, rendering, tree};

/// The stem of the actions on resource groups.
pub(crate) const STEM: &str = "Microsoft.Resources/subscriptions/resourceGroups";

impl Resources {
    /// The resource groups of a subscription that the caller may read.
    ///
    /// # Errors
    /// [`ResourceError::Denied`] if the caller has no role at all in the subscription.
    pub fn groups(
        &self,
        caller: &Caller,
        subscription: SubscriptionId,
        filter: Option<&str>,
        page: &Page,
    ) -> Result<Listing, ResourceError> {
        self.sees(caller, &format!("{STEM}/read"), subscription)?;
        let filter = ResourceFilter::parse(filter)?;
        self.platform().store.read(|conn| {
            page.collect(
                |after, limit| rows::groups(conn, subscription, after, limit),
                |row| row.name.to_lowercase(),
                |row| {
                    let body = rendering::group(&row)?;
                    let readable = self.may(caller, &format!("{STEM}/read"), &scope_of(&row)?);
                    Ok((readable && filter.matches(&body)?).then_some(body))
                },
            )
        })
    }

    /// One resource group.
    ///
    /// # Errors
    /// [`ResourceError::Denied`], [`ResourceError::ResourceGroupNotFound`].
    pub fn group(&self, caller: &Caller, scope: &Scope) -> Result<Shown, ResourceError> {
        self.authorize(caller, &format!("{STEM}/read"), scope)?;
        self.platform().store.read(|conn| shown(&crate::service::group_of(conn, scope)?))
    }

    /// Makes a resource group, or replaces one.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is written then.
    pub fn put_group(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
        conditions: &Conditions,
    ) -> Result<Written, ResourceError> {
        let action = format!("{STEM}/write");
        self.change(caller, Intended::put(&action, scope), |attempt| {
            let name = scope.resource_group().unwrap_or("");
            check_name(name)?;
            must_be_object(body)?;
            let wanted = Wanted {
                name,
                location: normal_location(location_of(body)?.ok_or_else(location_required)?),
                tags: tags_of(body)?.unwrap_or_default(),
                managed_by: managed_by(body)?,
            };
            attempt.commit(|change| replace(change, scope, wanted, conditions))
        })
    }

    /// Changes tags and `managedBy` of a resource group.
    ///
    /// # Errors
    /// [`ResourceError`]; nothing is written then.
    pub fn patch_group(
        &self,
        caller: &Caller,
        scope: &Scope,
        body: &Value,
        conditions: &Conditions,
    ) -> Result<Written, ResourceError> {
        let action = format!("{STEM}/write");
        self.change(caller, Intended::patch(&action, scope), |attempt| {
            must_be_object(body)?;
            let tags = tags_of(body)?;
            let managed_by = managed_by(body)?;
            attempt.commit(|change| {
                let mut row = crate::service::group_of(change.tx, scope)?;
                conditions.check(Some(&etag(&row)))?;
                if let Some(tags) = tags {
                    row.tags = Value::Object(tags).to_string();
                }
                if managed_by.is_some() {
                    row.managed_by = managed_by;
                }
                let before = tree::value(&row.system_data)?;
                row.system_data = tree::system_data(Some(&before), caller, change.now).to_string();
                rows::put_group(change.tx, &row.name.to_lowercase(), &row)?;
                Ok(Written { shown: shown(&row)?, created: false, operation: None })
            })
        })
    }

    /// Deletes a resource group and everything in it, all or nothing: its resources, and the role assignments
    /// at and below it.
    ///
    /// # Errors
    /// [`ResourceError::ResourceGroupNotFound`]; what a type says when one of its resources cannot go.
    pub fn delete_group(
        &self,
        caller: &Caller,
        scope: &Scope,
        conditions: &Conditions,
    ) -> Result<Uuid, ResourceError> {
        let action = format!("{STEM}/delete");
        self.change(caller, Intended::delete(&action, scope), |attempt| {
            attempt.commit(|change| {
                let row = crate::service::group_of(change.tx, scope)?;
                conditions.check(Some(&etag(&row)))?;
                self.delete_below(change, scope)?;
                self.delete_access_below(change, scope)?;
                rows::delete_group(change.tx, row.subscription, &row.name.to_lowercase())?;
                Ok(crate::operations::record(change, scope)?)
            })
        })
    }

    /// Refuses a caller who has no role anywhere in the subscription.
    pub(crate) fn sees(
        &self,
        caller: &Caller,
        action: &str,
        subscription: SubscriptionId,
    ) -> Result<(), ResourceError> {
        self.subscription_of(caller, subscription)?;
        if self.platform().access.sees_subscription(caller, subscription) {
            return Ok(());
        }
        self.authorize(caller, action, &Scope::subscription(subscription)).map(|_| ())
    }
}

/// What a PUT asks for.
struct Wanted<'a> {
    name: &'a str,
    location: String,
    tags: Map<String, Value>,
    managed_by: Option<String>,
}

fn replace(
    change: &Change<'_>,
    scope: &Scope,
    wanted: Wanted<'_>,
    conditions: &Conditions,
) -> Result<Written, ResourceError> {
    let existing = find(change.tx, scope)?;
    conditions.check(existing.as_ref().map(etag).as_deref())?;
    match &existing {
        Some(existing) if existing.location != wanted.location => {
            return Err(ResourceError::Conflict {
                code: "InvalidResourceGroupLocation",
                message: format!(
                    "Invalid resource group location '{}'. The Resource group already exists in location '{}'.",
                    wanted.location, existing.location
                ),
            });
        }
        Some(_) => {}
        None => check_location(&wanted.location)?,
    }
    let before = existing.as_ref().map(|row| tree::value(&row.system_data)).transpose()?;
    let row = ResourceGroupRow {
        subscription: scope.subscription_id().unwrap_or(SubscriptionId(Uuid::nil())),
        name: existing.as_ref().map_or(wanted.name, |row| &row.name).to_owned(),
        location: wanted.location,
        managed_by: wanted.managed_by,
        tags: Value::Object(wanted.tags).to_string(),
        system_data: tree::system_data(before.as_ref(), change.caller, change.now).to_string(),
    };
    rows::put_group(change.tx, &row.name.to_lowercase(), &row)?;
    Ok(Written { shown: shown(&row)?, created: existing.is_none(), operation: None })
}

fn find(conn: &Conn<'_>, scope: &Scope) -> Result<Option<ResourceGroupRow>, StoreError> {
    match (scope.subscription_id(), scope.resource_group()) {
        (Some(subscription), Some(name)) => rows::group(conn, subscription, &name.to_lowercase()),
        _ => Ok(None),
    }
}

pub(crate) fn scope_of(row: &ResourceGroupRow) -> Result<Scope, StoreError> {
    Scope::parse(&format!("/subscriptions/{}/resourceGroups/{}", row.subscription, row.name))
        .map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn shown(row: &ResourceGroupRow) -> Result<Shown, ResourceError> {
    Ok(Shown { body: rendering::group(row)?, etag: etag(row) })
}

fn etag(row: &ResourceGroupRow) -> String {
    tree::etag_of([
        row.name.as_str(),
        &row.location,
        row.managed_by.as_deref().unwrap_or(""),
        &row.tags,
        &row.system_data,
    ])
}

fn managed_by(body: &Value) -> Result<Option<String>, ResourceError> {
    match body.get("managedBy") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => Ok(Some(id.clone())),
        Some(_) => Err(malformed("The 'managedBy' property must be a string.")),
    }
}

/// The rule on names: 1 to 90 letters and digits of any script, `-`, `_`, `.`, `(`, `)`, no period at the end.
fn check_name(name: &str) -> Result<(), ResourceError> {
    let wrong: String = name.chars().filter(|c| !(c.is_alphanumeric() || "-_.()".contains(*c))).collect();
    if !wrong.is_empty() {
        return Err(ResourceError::InvalidResourceGroup(format!(
            "The provided resource group name '{name}' has these invalid characters: '{wrong}'. The name can \
             only be a letter, digit, '-', '.', '(', ')' or '_'."
        )));
    }
    let length = name.chars().count();
    if length == 0 || length > 90 {
        return Err(ResourceError::InvalidResourceGroup(format!(
            "The provided resource group name '{name}' has length of '{length}' which is not between '1' and '90'."
        )));
    }
    if name.ends_with('.') {
        return Err(ResourceError::InvalidResourceGroup(format!(
            "The provided resource group name '{name}' ends with an invalid character '.'."
        )));
    }
    Ok(())
}

fn check_location(location: &str) -> Result<(), ResourceError> {
    if locations::is_known(location) {
        return Ok(());
    }
    Err(bad(
        "LocationNotAvailableForResourceGroup",
        format!(
            "The provided location '{location}' is not available for resource group. List of available regions \
             is '{}'.",
            locations::names().collect::<Vec<_>>().join(",")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_follow_the_rule() {
        for good in ["rg", "RG-1_a.(b)", "Größe", &"x".repeat(90)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for wrong in ["", "rg.", "a b", "a;b", "a*", &"x".repeat(91)] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            check_name("a b!").unwrap_err().to_string(),
            "The provided resource group name 'a b!' has these invalid characters: ' !'. The name can only be a \
             letter, digit, '-', '.', '(', ')' or '_'."
        );
    }

    #[test]
    fn locations_must_be_known() {
        assert!(check_location("westeurope").is_ok());
        assert!(check_location("atlantis").is_err());
    }

    #[test]
    fn managed_by_is_text() {
        assert!(managed_by(&json!({"managedBy": 3})).is_err());
    }
}
