//! `Microsoft.Communication`: communication services, e-mail services, domains, senders, SMTP usernames and
//! suppression lists, one module a type; and the two questions asked of them by others: who may send
//! ([`Sending`]) and what is missing until somebody may ([`readiness`]).
//!
//! Schemas, patterns and answers: reference communication-arm.md; behaviour: reference acs-email.md.

mod access_keys;
mod body;
mod catalogue;
mod communication_services;
mod domains;
mod email_services;
mod linked_domains;
mod name_rules;
pub mod readiness;
mod refusals;
mod sender_usernames;
pub mod sending;
mod smtp_usernames;
mod stored;
mod subscription_actions;
mod suppression_list_addresses;
mod suppression_lists;
mod username;
mod verification;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod sending_tests;
#[cfg(test)]
mod type_tests;

pub use catalogue::{ACTIONS_TO_SEND, provider_operations};
pub use readiness::{Check, Readiness};
pub use refusals::{Refusal, RefusalLog};
pub use sending::{
    Outgoing, Part, Permission, SendRefusal, SenderRefusal, Sending, SendingIdentity, SignInRefusal,
};
pub use subscription_actions::{SubscriptionAction, SubscriptionRequest, subscription_actions};
pub use username::UsernameForm;

use crate::provider::ResourceType;

/// The provider's namespace.
pub const NAMESPACE: &str = "Microsoft.Communication";

/// The api-versions of communication services, newest first.
const SINCE_2020: &[&str] = &[
    "2026-03-18",
    "2025-09-01",
    "2025-05-01-preview",
    "2024-09-01-preview",
    "2023-06-01-preview",
    "2023-04-01",
    "2023-04-01-preview",
    "2023-03-31",
    "2023-03-01-preview",
    "2022-07-01-preview",
    "2021-10-01-preview",
    "2020-08-20",
    "2020-08-20-preview",
];

/// The api-versions of e-mail services, domains and sender usernames, newest first.
const SINCE_2021: &[&str] = &[
    "2026-03-18",
    "2025-09-01",
    "2025-05-01-preview",
    "2024-09-01-preview",
    "2023-06-01-preview",
    "2023-04-01",
    "2023-04-01-preview",
    "2023-03-31",
    "2023-03-01-preview",
    "2022-07-01-preview",
    "2021-10-01-preview",
];

/// The api-versions of suppression lists, newest first.
const SINCE_2023: &[&str] =
    &["2026-03-18", "2025-09-01", "2025-05-01-preview", "2024-09-01-preview", "2023-06-01-preview"];

/// The api-versions of SMTP usernames, newest first.
const SINCE_2024: &[&str] = &["2026-03-18", "2025-09-01", "2025-05-01-preview", "2024-09-01-preview"];

/// The api-version of what Azure does not have.
const OWN: &[&str] = &["2026-11-01-gatepost"];

/// The resource types of this provider. A parent comes before its children, and communication services before
/// the domains that they link, which is also an order in which all of them can be deleted.
pub fn types() -> Vec<Box<dyn ResourceType>> {
    vec![
        Box::new(communication_services::CommunicationServices),
        Box::new(smtp_usernames::SmtpUsernames),
        Box::new(email_services::EmailServices),
        Box::new(domains::Domains),
        Box::new(sender_usernames::SenderUsernames),
        Box::new(suppression_lists::SuppressionLists),
        Box::new(suppression_list_addresses::SuppressionListAddresses),
    ]
}
