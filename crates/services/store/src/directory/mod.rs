//! Directory objects, what belongs to them, and the verified domains of tenants.
//!
//! Everything is asked within one tenant; only [`tenant_of_application`] and [`tenant_of_domain`] look across.
//! A deleted object keeps its row until it is purged, but only [`deleted`], [`deleted_page`] and [`restore`]
//! see it.

mod app_roles;
mod changes;
mod deleted;
mod domains;
mod grants;
mod objects;
mod owners;
mod page;
mod secrets;
mod settings;
mod words;

pub use app_roles::{
    AppRoleRow, app_role, app_roles_for, app_roles_of, delete_app_role, has_app_role, insert_app_role,
};
pub use changes::{
    Change, MemberChange, changes_after, current_sequence, member_changes_after, note_change, note_member,
};
pub use deleted::{
    DeletedRow, deleted, deleted_page, expired, memberships_at_deletion, purge, restore, soft_delete,
};
pub use domains::{
    VerifiedDomain, application_of_uri, domains, insert_domain, set_identifier_uris, tenant_of_domain,
};
pub use grants::{
    GrantRow, delete_grant, find_grant, grant, grants, grants_of_principal, grants_of_resource, insert_grant,
    update_grant,
};
pub use objects::{
    ObjectKind, ObjectRow, existing, find, find_by_app, find_by_login, insert, set_mail,
    tenant_of_application, update,
};
pub use owners::{delete_owner, insert_owner, is_owner, owned_by, owners_of};
pub use page::{Column, Key, Page, Range, count, page};
pub use secrets::{SecretRow, delete_secret, insert_secret, password, secrets, set_password};
pub use settings::{set_setting, setting};
pub use words::{count_with_words, least_word, with_words, words_of};
