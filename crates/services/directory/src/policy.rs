//! What every user of a tenant may do without a directory role: Microsoft Graph's authorization policy.

use gatepost_access::{Caller, DirectoryAction};
use gatepost_names::TenantId;
use gatepost_store::directory as rows;
use gatepost_store::{Conn, StoreError};
use serde_json::{Map, Value, json};

use crate::{Directory, DirectoryError, requests};

const SETTING: &str = "authorizationPolicy";
const RESOURCE: &str = "AuthorizationPolicy";
/// The permissions that can be set, as Microsoft Graph spells them.
const PERMISSIONS: [&str; 2] = ["allowedToCreateApps", "allowedToCreateSecurityGroups"];

/// What every user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberPolicy {
    /// Register applications.
    pub(crate) creates_applications: bool,
    /// Make security groups.
    pub(crate) creates_groups: bool,
}

pub(crate) fn member_policy(conn: &Conn<'_>, tenant: TenantId) -> Result<MemberPolicy, StoreError> {
    let kept = rows::setting(conn, tenant, SETTING)?;
    let kept: Option<Value> = kept
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let may =
        |name: &str| kept.as_ref().and_then(|kept| kept.get(name)).and_then(Value::as_bool).unwrap_or(true);
    let [creates_applications, creates_groups] = PERMISSIONS.map(may);
    Ok(MemberPolicy { creates_applications, creates_groups })
}

impl Directory {
    /// The authorization policy, as Microsoft Graph shows it.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`], [`DirectoryError::Store`].
    pub fn authorization_policy(&self, caller: &Caller) -> Result<Value, DirectoryError> {
        self.require(caller, DirectoryAction::ReadOrganization)?;
        let policy = self.0.store.read(|conn| member_policy(conn, caller.tenant))?;
        Ok(json!({
            "id": "authorizationPolicy",
            "displayName": "Authorization Policy",
            "description": "Used to manage authorization related settings across the company.",
            "allowInvitesFrom": "none",
            "allowedToSignUpEmailBasedSubscriptions": false,
            "allowedToUseSSPR": false,
            "allowEmailVerifiedUsersToJoinOrganization": false,
            "blockMsolPowerShell": true,
            "guestUserRoleId": "2af84b1e-32c8-42b7-82bc-daa82404023b",
            "defaultUserRolePermissions": {
                "allowedToCreateApps": policy.creates_applications,
                "allowedToCreateSecurityGroups": policy.creates_groups,
                "allowedToCreateTenants": false,
                "allowedToReadBitlockerKeysForOwnedDevice": false,
                "allowedToReadOtherUsers": true,
                "permissionGrantPoliciesAssigned": [],
            },
        }))
    }

    /// Changes the authorization policy: what users may create.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn change_authorization_policy(
        &self,
        caller: &Caller,
        sent: &Map<String, Value>,
    ) -> Result<(), DirectoryError> {
        self.require(caller, DirectoryAction::ManagePolicies)?;
        let invalid = |property: &str| DirectoryError::InvalidProperty {
            property: property.to_owned(),
            resource: RESOURCE,
        };
        let mut sent = sent.clone();
        let permissions = match requests::take(&mut sent, "defaultUserRolePermissions") {
            Some(Value::Object(permissions)) => permissions,
            None | Some(Value::Null) => Map::new(),
            Some(_) => return Err(invalid("defaultUserRolePermissions")),
        };
        requests::refuse_others(&sent)?;
        self.0.store.write(|tx| {
            let now = member_policy(tx, caller.tenant)?;
            let mut kept = json!({
                "allowedToCreateApps": now.creates_applications,
                "allowedToCreateSecurityGroups": now.creates_groups,
            });
            for (name, value) in permissions.iter().filter(|(name, _)| !name.contains('@')) {
                let path = format!("defaultUserRolePermissions.{name}");
                let known = PERMISSIONS.iter().find(|known| known.eq_ignore_ascii_case(name));
                let known = known.ok_or_else(|| DirectoryError::UnknownProperty(path.clone()))?;
                if !value.is_boolean() {
                    return Err(invalid(&path));
                }
                if let Some(kept) = kept.as_object_mut() {
                    kept.insert((*known).to_owned(), value.clone());
                }
            }
            Ok(rows::set_setting(tx, caller.tenant, SETTING, &kept.to_string())?)
        })
    }
}
