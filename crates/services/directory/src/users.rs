//! Users, as far as the first start needs them: an administrator with a password.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use gatepost_clock::graph_format;
use gatepost_names::{ObjectId, TenantId};
use gatepost_store::directory::{self as rows, ObjectKind, ObjectRow};
use gatepost_store::{StoreError, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Directory, DirectoryError, Principal, schema};

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
        if new.password.is_empty() {
            return Err(invalid("passwordProfile.password"));
        }
        let now = self.0.clock.now();
        let id = ObjectId(Uuid::new_v4());
        let mut document = schema::blank(schema::properties(ObjectKind::User));
        for (name, value) in [
            ("id", json!(id)),
            ("displayName", json!(new.display_name)),
            ("userPrincipalName", json!(new.user_principal_name)),
            ("mailNickname", json!(nickname)),
            ("createdDateTime", json!(graph_format(now))),
            ("userType", json!("Member")),
        ] {
            document.insert(name.to_owned(), value);
        }
        let row = ObjectRow {
            tenant,
            id,
            kind: ObjectKind::User,
            app_id: None,
            login: Some(new.user_principal_name.to_owned()),
            display_name: new.display_name.to_owned(),
            enabled: true,
            doc: Value::Object(document).to_string(),
            created_at: now.as_microsecond(),
        };
        match rows::insert(tx, &row) {
            Err(StoreError::Conflict(_)) => {
                return Err(DirectoryError::ValueInUse("userPrincipalName".to_owned()));
            }
            other => other?,
        }
        rows::set_password(tx, tenant, id, &hash_password(new.password)?, now.as_microsecond())?;
        Ok(id)
    }

    /// Signs a user in with a password; `None` if there is no such user, it is disabled, or the password is
    /// another. Takes the time of a password hash, also for a user that does not exist.
    ///
    /// # Errors
    /// [`DirectoryError::Store`], [`DirectoryError::Randomness`].
    pub fn verify_password(
        &self,
        tenant: TenantId,
        user_principal_name: &str,
        password: &str,
    ) -> Result<Option<Principal>, DirectoryError> {
        let found = self.0.store.read(|conn| {
            let user = rows::find_by_login(conn, tenant, user_principal_name)?;
            let hash = match &user {
                Some(user) => rows::password(conn, tenant, user.id)?,
                None => None,
            };
            Ok::<_, StoreError>(user.zip(hash))
        })?;
        let Some((user, kept)) = found else {
            hash_password(password)?;
            return Ok(None);
        };
        let kept = PasswordHash::new(&kept).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let right = Argon2::default().verify_password(password.as_bytes(), &kept).is_ok();
        if !right || !user.enabled {
            return Ok(None);
        }
        Ok(self.principal(tenant, user.id)?)
    }
}

/// The Argon2id hash of a user's password, as a PHC string.
fn hash_password(password: &str) -> Result<String, DirectoryError> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(|_| DirectoryError::Randomness)?;
    let hash: Result<PasswordHash, _> = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| StoreError::Engine(error.to_string()).into())
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
