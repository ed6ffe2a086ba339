//! Side tables of `Microsoft.Communication`: names, access keys, linked domains, SMTP usernames.
//!
//! The resources themselves are in [`crate::resources`]. These tables hold what must be unique on the whole
//! server, what no reader of a resource may see, and what is looked up from its other end. A key is an id in
//! lower case (`Scope::key`).

use gatepost_names::{ApplicationId, TenantId};

use crate::{Conn, Row, StoreError, Tx, params};

/// A communication service as the rest of the world addresses it.
#[derive(Clone, PartialEq, Eq)]
pub struct CommunicationServiceRow {
    /// Its name in lower case, unique on the server.
    pub name_key: String,
    /// The key of its resource.
    pub service_key: String,
    /// The id of its resource.
    pub service_id: String,
    /// The tenant of its subscription.
    pub tenant: TenantId,
    /// The access keys, primary and secondary. Secret.
    pub access_keys: [Vec<u8>; 2],
}

impl std::fmt::Debug for CommunicationServiceRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // SECURITY: the access keys stay out of logs.
        f.debug_struct("CommunicationServiceRow")
            .field("service_id", &self.service_id)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// An SMTP username and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpUsernameRow {
    /// The username in lower case, unique on the server.
    pub username_key: String,
    /// The username as it was written.
    pub username: String,
    /// The key of the resource that holds it.
    pub resource_key: String,
    /// The id of the communication service.
    pub service_id: String,
    /// The tenant of the application.
    pub tenant: TenantId,
    /// The application.
    pub application: ApplicationId,
}

const SERVICE: &str =
    "name_key, service_key, service_id, tenant_id, primary_access_key, secondary_access_key";
const USERNAME: &str = "username_key, username, resource_key, service_id, tenant_id, application_id";

/// Adds a communication service.
///
/// # Errors
/// [`StoreError::Conflict`] when its name is taken.
pub fn insert_service(tx: &Tx<'_>, row: &CommunicationServiceRow) -> Result<(), StoreError> {
    let [primary, secondary] = &row.access_keys;
    tx.execute(
        &format!("INSERT INTO communication_services ({SERVICE}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
        params![
            &row.name_key,
            &row.service_key,
            &row.service_id,
            row.tenant.bytes(),
            primary.as_slice(),
            secondary.as_slice()
        ],
    )
    .map(|_| ())
}

/// A communication service by its name in lower case.
///
/// # Errors
/// [`StoreError`].
pub fn service_by_name(
    conn: &Conn<'_>,
    name_key: &str,
) -> Result<Option<CommunicationServiceRow>, StoreError> {
    conn.query_one(
        &format!("SELECT {SERVICE} FROM communication_services WHERE name_key = ?1"),
        params![name_key],
        service_of,
    )
}

/// A communication service by the key of its resource.
///
/// # Errors
/// [`StoreError`].
pub fn service(conn: &Conn<'_>, service_key: &str) -> Result<Option<CommunicationServiceRow>, StoreError> {
    conn.query_one(
        &format!("SELECT {SERVICE} FROM communication_services WHERE service_key = ?1"),
        params![service_key],
        service_of,
    )
}

/// Replaces both access keys of a service.
///
/// # Errors
/// [`StoreError`].
pub fn set_access_keys(tx: &Tx<'_>, service_key: &str, keys: &[Vec<u8>; 2]) -> Result<(), StoreError> {
    let [primary, secondary] = keys;
    tx.execute(
        "UPDATE communication_services SET primary_access_key = ?2, secondary_access_key = ?3 \
         WHERE service_key = ?1",
        params![service_key, primary.as_slice(), secondary.as_slice()],
    )
    .map(|_| ())
}

/// Removes a service with its links to domains.
///
/// # Errors
/// [`StoreError`].
pub fn delete_service(tx: &Tx<'_>, service_key: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM linked_domains WHERE service_key = ?1", params![service_key])?;
    tx.execute("DELETE FROM communication_services WHERE service_key = ?1", params![service_key]).map(|_| ())
}

/// Replaces the whole list of domains that a service is linked to.
///
/// # Errors
/// [`StoreError::Conflict`] when `domain_keys` names one twice.
pub fn set_links(tx: &Tx<'_>, service_key: &str, domain_keys: &[String]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM linked_domains WHERE service_key = ?1", params![service_key])?;
    for domain_key in domain_keys {
        tx.execute(
            "INSERT INTO linked_domains (domain_key, service_key) VALUES (?1, ?2)",
            params![domain_key, service_key],
        )?;
    }
    Ok(())
}

/// The keys of the services that a domain is linked to.
///
/// # Errors
/// [`StoreError`].
pub fn services_of_domain(conn: &Conn<'_>, domain_key: &str) -> Result<Vec<String>, StoreError> {
    conn.query(
        "SELECT service_key FROM linked_domains WHERE domain_key = ?1 ORDER BY service_key",
        params![domain_key],
        |row| row.text(0),
    )
}

/// Adds the username of an SMTP username resource, or replaces the one that this resource had.
///
/// # Errors
/// [`StoreError::Conflict`] when another resource holds the username.
pub fn put_username(tx: &Tx<'_>, row: &SmtpUsernameRow) -> Result<(), StoreError> {
    delete_username(tx, &row.resource_key)?;
    tx.execute(
        &format!("INSERT INTO smtp_usernames ({USERNAME}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
        params![
            &row.username_key,
            &row.username,
            &row.resource_key,
            &row.service_id,
            row.tenant.bytes(),
            row.application.bytes()
        ],
    )
    .map(|_| ())
}

/// Removes the username of an SMTP username resource.
///
/// # Errors
/// [`StoreError`].
pub fn delete_username(tx: &Tx<'_>, resource_key: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM smtp_usernames WHERE resource_key = ?1", params![resource_key]).map(|_| ())
}

/// An SMTP username by itself in lower case.
///
/// # Errors
/// [`StoreError`].
pub fn username(conn: &Conn<'_>, username_key: &str) -> Result<Option<SmtpUsernameRow>, StoreError> {
    conn.query_one(
        &format!("SELECT {USERNAME} FROM smtp_usernames WHERE username_key = ?1"),
        params![username_key],
        username_of,
    )
}

fn service_of(row: &Row<'_>) -> Result<CommunicationServiceRow, StoreError> {
    Ok(CommunicationServiceRow {
        name_key: row.text(0)?,
        service_key: row.text(1)?,
        service_id: row.text(2)?,
        tenant: TenantId(row.uuid(3)?),
        access_keys: [row.blob(4)?, row.blob(5)?],
    })
}

fn username_of(row: &Row<'_>) -> Result<SmtpUsernameRow, StoreError> {
    Ok(SmtpUsernameRow {
        username_key: row.text(0)?,
        username: row.text(1)?,
        resource_key: row.text(2)?,
        service_id: row.text(3)?,
        tenant: TenantId(row.uuid(4)?),
        application: ApplicationId(row.uuid(5)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use uuid::Uuid;

    fn temporary() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("gatepost.db")).unwrap();
        (dir, store)
    }

    fn service_row(name: &str) -> CommunicationServiceRow {
        CommunicationServiceRow {
            name_key: name.into(),
            service_key: format!("/s/{name}"),
            service_id: format!("/S/{name}"),
            tenant: TenantId(Uuid::from_u128(1)),
            access_keys: [vec![1], vec![2]],
        }
    }

    fn username_row(username: &str, resource: &str) -> SmtpUsernameRow {
        SmtpUsernameRow {
            username_key: username.to_lowercase(),
            username: username.into(),
            resource_key: resource.into(),
            service_id: "/S/a".into(),
            tenant: TenantId(Uuid::from_u128(1)),
            application: ApplicationId(Uuid::from_u128(2)),
        }
    }

    #[test]
    fn a_services_name_is_unique_and_its_keys_change() {
        let (_dir, store) = temporary();
        store.write(|tx| insert_service(tx, &service_row("a"))).unwrap();
        let again = CommunicationServiceRow { service_key: "/s/other".into(), ..service_row("a") };
        assert!(matches!(store.write(|tx| insert_service(tx, &again)), Err(StoreError::Conflict(_))));
        store.write(|tx| set_access_keys(tx, "/s/a", &[vec![3], vec![2]])).unwrap();
        let found = store.read(|conn| service_by_name(conn, "a")).unwrap().unwrap();
        assert_eq!(found.access_keys, [vec![3], vec![2]]);
        assert!(!format!("{found:?}").contains("access_keys"));
        assert_eq!(store.read(|conn| service(conn, "/s/a")).unwrap(), Some(found));
    }

    #[test]
    fn links_are_replaced_whole_and_go_with_the_service() {
        let (_dir, store) = temporary();
        store
            .write::<_, StoreError>(|tx| {
                set_links(tx, "/s/a", &["/d/1".into(), "/d/2".into()])?;
                set_links(tx, "/s/b", &["/d/1".into()])?;
                set_links(tx, "/s/a", &["/d/1".into()])
            })
            .unwrap();
        let of = |domain: &str| store.read(|conn| services_of_domain(conn, domain)).unwrap();
        assert_eq!(of("/d/1"), ["/s/a", "/s/b"]);
        assert!(of("/d/2").is_empty());
        store.write(|tx| delete_service(tx, "/s/a")).unwrap();
        assert_eq!(of("/d/1"), ["/s/b"]);
    }

    #[test]
    fn a_username_belongs_to_one_resource() {
        let (_dir, store) = temporary();
        store.write(|tx| put_username(tx, &username_row("Mailer", "/r/1"))).unwrap();
        let taken = store.write(|tx| put_username(tx, &username_row("mailer", "/r/2")));
        assert!(matches!(taken, Err(StoreError::Conflict(_))));
        store.write(|tx| put_username(tx, &username_row("other", "/r/1"))).unwrap();
        assert_eq!(store.read(|conn| username(conn, "mailer")).unwrap(), None);
        assert_eq!(store.read(|conn| username(conn, "other")).unwrap(), Some(username_row("other", "/r/1")));
        store.write(|tx| delete_username(tx, "/r/1")).unwrap();
        assert_eq!(store.read(|conn| username(conn, "other")).unwrap(), None);
    }
}
