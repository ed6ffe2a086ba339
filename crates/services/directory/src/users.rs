//! Users: making and changing them inside a transaction.

use gatepost_clock::graph_format;
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::Tx;
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::objects::{self, blank_row, document, with_document};
use crate::{Directory, DirectoryError, PreparedPassword, requests, schema};

/// Most characters of a user principal name.
const LONGEST_LOGIN: usize = 113;
/// What stands before the at sign of a user principal name, beside letters and digits.
const LOGIN_SIGNS: &str = "'.-_!#^~+$";

/// What a client asks of a user's password.
pub(crate) enum PasswordChange {
    /// It is this one; and whether the user chooses another at the next sign-in.
    Set(PreparedPassword, bool),
    /// Whether the user chooses another at the next sign-in.
    MustChange(bool),
}

/// What a new user is to be like.
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    /// What people see.
    pub display_name: &'a str,
    /// How the user signs in: `admin@contoso.example`.
    pub user_principal_name: &'a str,
    /// The first password.
    pub password: &'a str,
}

impl std::fmt::Debug for NewUser<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // SECURITY: the password stays out of logs.
        f.debug_struct("NewUser")
            .field("display_name", &self.display_name)
            .field("user_principal_name", &self.user_principal_name)
            .finish_non_exhaustive()
    }
}

impl Directory {
    /// Adds a user.
    ///
    /// # Errors
    /// [`DirectoryError::ValueInUse`] if the tenant has a user of that principal name;
    /// [`DirectoryError::InvalidProperty`], [`DirectoryError::Randomness`], [`DirectoryError::Store`].
    pub fn create_user(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        new: NewUser<'_>,
    ) -> Result<ObjectId, DirectoryError> {
        let invalid = |property: &str| DirectoryError::InvalidProperty {
            property: property.to_owned(),
            resource: schema::resource_name(ObjectKind::User),
        };
        let nickname = match new.user_principal_name.split_once('@') {
            Some((name, domain)) if !name.is_empty() && !domain.is_empty() => name,
            _ => return Err(invalid("userPrincipalName")),
        };
        let own = [new.user_principal_name, new.display_name];
        let password = PasswordChange::Set(self.prepare_password(new.password, &own)?, false);
        let properties = json!({
            "displayName": new.display_name,
            "userPrincipalName": new.user_principal_name,
            "mailNickname": nickname,
            "accountEnabled": true,
        });
        let properties = properties.as_object().cloned().unwrap_or_default();
        self.create_user_with(tx, tenant, &properties, Some(password))
    }

    /// Adds a user with the properties that a client sent.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) fn create_user_with(
        &self,
        tx: &Tx<'_>,
        tenant: TenantId,
        sent: &Map<String, Value>,
        password: Option<PasswordChange>,
    ) -> Result<ObjectId, DirectoryError> {
        let kind = ObjectKind::User;
        let now = self.0.clock.now();
        let id = ObjectId(Uuid::new_v4());
        for required in ["accountEnabled", "displayName", "mailNickname", "userPrincipalName"] {
            let given =
                sent.iter().any(|(name, value)| name.eq_ignore_ascii_case(required) && !value.is_null());
            if !given {
                return Err(DirectoryError::missing(kind, required));
            }
        }
        let Some(PasswordChange::Set(password, must_change)) = password else {
            return Err(DirectoryError::missing(kind, "passwordProfile.password"));
        };
        let mut document = schema::blank(schema::properties(kind));
        for (name, value) in
            [("id", json!(id)), ("createdDateTime", json!(graph_format(now))), ("userType", json!("Member"))]
        {
            document.insert(name.to_owned(), value);
        }
        schema::merge_new(kind, &mut document, sent)?;
        let row = with_document(blank_row(tenant, id, kind, now.as_microsecond()), document)?;
        check_names(tx, &row)?;
        objects::insert(tx, &row)?;
        self.store_password(tx, tenant, id, &password, must_change)?;
        Ok(id)
    }

    /// Changes a user as Microsoft Graph's PATCH does.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) fn change_user(
        &self,
        tx: &Tx<'_>,
        row: ObjectRow,
        sent: &Map<String, Value>,
        password: Option<PasswordChange>,
    ) -> Result<(), DirectoryError> {
        let (tenant, id) = (row.tenant, row.id);
        let mut document = document(&row)?;
        schema::merge(ObjectKind::User, &mut document, sent)?;
        let row = with_document(row, document)?;
        check_names(tx, &row)?;
        objects::update(tx, &row)?;
        match password {
            None => Ok(()),
            Some(PasswordChange::Set(password, must)) => self.store_password(tx, tenant, id, &password, must),
            Some(PasswordChange::MustChange(must)) => self.require_password_change(tx, tenant, id, must),
        }
    }

    /// Takes the password out of what a client sent, and hashes it.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub(crate) fn take_password(
        &self,
        sent: &mut Map<String, Value>,
        known: Option<&ObjectRow>,
    ) -> Result<Option<PasswordChange>, DirectoryError> {
        // What everybody knows of a user is no password.
        let mut own: Vec<String> = ["userPrincipalName", "displayName"]
            .iter()
            .filter_map(|name| sent.get(*name).and_then(Value::as_str).map(str::to_owned))
            .collect();
        own.extend(known.map(|row| row.display_name.clone()));
        own.extend(known.and_then(|row| row.login.clone()));
        let invalid = |name: &str| DirectoryError::invalid(ObjectKind::User, name);
        let profile = match requests::take(sent, "passwordProfile") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(profile)) => profile,
            Some(_) => return Err(invalid("passwordProfile")),
        };
        let (mut password, mut must_change) = (None, None);
        for (name, value) in profile.iter().filter(|(name, _)| !name.contains('@')) {
            match (name.to_ascii_lowercase().as_str(), value) {
                ("password", Value::String(text)) => password = Some(text),
                ("forcechangepasswordnextsignin", Value::Bool(must)) => must_change = Some(*must),
                ("forcechangepasswordnextsigninwithmfa", Value::Bool(_)) | (_, Value::Null) => {}
                _ => return Err(invalid(&format!("passwordProfile.{name}"))),
            }
        }
        match (password, must_change) {
            (None, None) => Ok(None),
            (None, Some(must)) => Ok(Some(PasswordChange::MustChange(must))),
            (Some(password), must) => {
                let given = own.iter().map(String::as_str).collect::<Vec<_>>();
                let prepared = self.prepare_password(password, &given)?;
                Ok(Some(PasswordChange::Set(prepared, must.unwrap_or(true))))
            }
        }
    }
}

/// Refuses a principal name that is none, or whose domain the tenant does not have.
fn check_names(tx: &Tx<'_>, row: &ObjectRow) -> Result<(), DirectoryError> {
    let invalid = |name: &str| DirectoryError::invalid(ObjectKind::User, name);
    let login = row.login.as_deref().unwrap_or_default();
    let (name, domain) = login.rsplit_once('@').ok_or_else(|| invalid("userPrincipalName"))?;
    let fits = |character: char| character.is_alphanumeric() || LOGIN_SIGNS.contains(character);
    if name.is_empty() || login.chars().count() > LONGEST_LOGIN || !name.chars().all(fits) {
        return Err(invalid("userPrincipalName"));
    }
    if rows::tenant_of_domain(tx, domain)? != Some(row.tenant) {
        return Err(DirectoryError::UnverifiedDomain);
    }
    let document = objects::kept(row)?;
    let nickname = objects::text(&document, "mailNickname").unwrap_or_default();
    if nickname.chars().count() > 64 || nickname.contains(['@', '"', ' ', '(', ')', '<', '>', ',', ';', ':'])
    {
        return Err(invalid("mailNickname"));
    }
    match objects::text(&document, "mail") {
        Some(mail) if !mail.contains('@') || mail.contains(char::is_whitespace) => Err(invalid("mail")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_user_is_printed_without_its_password() {
        let user = NewUser { display_name: "Ada", user_principal_name: "ada@a.example", password: "hush" };
        let text = format!("{user:?}");
        assert!(text.contains("ada@a.example") && !text.contains("hush"), "{text}");
    }
}
