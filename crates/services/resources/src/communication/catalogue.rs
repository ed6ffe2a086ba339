//! The operations of the provider: what `providerOperations` lists and custom roles may name.
//!
//! Names are spelled as in Azure's documentation (reference rbac.md section 12). Azure's list is older than
//! SMTP usernames; their three operations follow the same pattern. Two operations are our own: they explain.

use crate::provider::Operation;

macro_rules! operations {
    ($($name:literal, $display:literal, $description:literal;)*) => {
        &[$(Operation {
            name: concat!("Microsoft.Communication/", $name),
            display_name: $display,
            description: $description,
            is_data_action: false,
        }),*]
    };
}

/// What an application needs at the communication service to send by SMTP (reference acs-email.md section 4).
pub const ACTIONS_TO_SEND: [&str; 3] = [
    "Microsoft.Communication/CommunicationServices/Read",
    "Microsoft.Communication/CommunicationServices/Write",
    EMAIL_SERVICES_WRITE,
];

/// What linking a domain needs at the domain.
pub(super) const EMAIL_SERVICES_WRITE: &str = "Microsoft.Communication/EmailServices/write";

/// The operations that belong to no resource type of this server.
pub fn provider_operations() -> &'static [Operation] {
    PROVIDER
}

const PROVIDER: &[Operation] = operations! {
    "Register/Action", "Register the provider", "Registers a subscription for Microsoft.Communication.";
    "Unregister/Action", "Unregister the provider", "Ends a subscription's registration for Microsoft.Communication.";
    "CheckNameAvailability/action", "Check a name", "Tells whether a resource name is free.";
    "CommunicationServices/EventGridFilters/Read", "Read event filters", "Reads the event filters of a communication service.";
    "CommunicationServices/EventGridFilters/Write", "Write event filters", "Creates or changes an event filter of a communication service.";
    "CommunicationServices/EventGridFilters/Delete", "Delete event filters", "Deletes an event filter of a communication service.";
    "Locations/OperationStatuses/read", "Read an operation's status", "Reads how far a long-running operation is.";
    "Locations/OperationStatuses/write", "Write an operation's status", "Writes how far a long-running operation is.";
    "Operations/read", "List operations", "Lists the operations of Microsoft.Communication.";
    "RegisteredSubscriptions/read", "Read registered subscriptions", "Reads which subscriptions are registered.";
};

pub(super) const COMMUNICATION_SERVICES: &[Operation] = operations! {
    "CommunicationServices/Read", "Read communication services", "Reads a communication service, or lists them.";
    "CommunicationServices/Write", "Write communication services", "Creates a communication service or changes it.";
    "CommunicationServices/Delete", "Delete communication services", "Deletes a communication service.";
    "CommunicationServices/ListKeys/action", "List access keys", "Reads both access keys of a communication service.";
    "CommunicationServices/RegenerateKey/action", "Regenerate an access key", "Replaces one access key of a communication service.";
    "CommunicationServices/LinkNotificationHub/action", "Link a notification hub", "Links a notification hub to a communication service.";
    "CommunicationServices/explainSmtpUsername/action", "Explain an SMTP username", "Tells what an SMTP username still needs to send, and why it was refused lately.";
};

pub(super) const SMTP_USERNAMES: &[Operation] = operations! {
    "CommunicationServices/SmtpUsernames/read", "Read SMTP usernames", "Reads an SMTP username, or lists them.";
    "CommunicationServices/SmtpUsernames/write", "Write SMTP usernames", "Creates an SMTP username or changes it.";
    "CommunicationServices/SmtpUsernames/delete", "Delete SMTP usernames", "Deletes an SMTP username.";
    "CommunicationServices/SmtpUsernames/checkReadiness/action", "Check an SMTP username", "Tells what this SMTP username still needs to send, and why it was refused lately.";
};

pub(super) const EMAIL_SERVICES: &[Operation] = operations! {
    "EmailServices/read", "Read e-mail services", "Reads an e-mail service, or lists them.";
    "EmailServices/write", "Write e-mail services", "Creates an e-mail service or changes it; at a domain, links it to a communication service; at a communication service, sends mail.";
    "EmailServices/delete", "Delete e-mail services", "Deletes an e-mail service.";
    "EmailServices/verifiedExchangeOnlineDomains/action", "List Exchange Online domains", "Lists the domains that are verified in Exchange Online.";
};

pub(super) const DOMAINS: &[Operation] = operations! {
    "EmailServices/Domains/read", "Read domains", "Reads a domain, or lists them.";
    "EmailServices/Domains/write", "Write domains", "Creates a domain or changes it.";
    "EmailServices/Domains/delete", "Delete domains", "Deletes a domain.";
    "EmailServices/Domains/InitiateVerification/action", "Start a verification", "Starts the verification of a domain's DNS record.";
    "EmailServices/Domains/CancelVerification/action", "Cancel a verification", "Cancels the verification of a domain's DNS record.";
    "EmailServices/Domains/RevokeVerification/action", "Revoke a verification", "Takes back the verification of a domain's DNS record.";
};

pub(super) const SENDER_USERNAMES: &[Operation] = operations! {
    "EmailServices/Domains/SenderUsernames/read", "Read sender usernames", "Reads a sender username, or lists them.";
    "EmailServices/Domains/SenderUsernames/write", "Write sender usernames", "Creates a sender username or changes it.";
    "EmailServices/Domains/SenderUsernames/delete", "Delete sender usernames", "Deletes a sender username.";
};

pub(super) const SUPPRESSION_LISTS: &[Operation] = operations! {
    "EmailServices/Domains/SuppressionLists/read", "Read suppression lists", "Reads a suppression list, or lists them.";
    "EmailServices/Domains/SuppressionLists/write", "Write suppression lists", "Creates a suppression list or changes it.";
    "EmailServices/Domains/SuppressionLists/delete", "Delete suppression lists", "Deletes a suppression list.";
};

pub(super) const SUPPRESSION_LIST_ADDRESSES: &[Operation] = operations! {
    "EmailServices/Domains/SuppressionLists/SuppressionListAddresses/read", "Read suppressed addresses", "Reads an address of a suppression list, or lists them.";
    "EmailServices/Domains/SuppressionLists/SuppressionListAddresses/write", "Write suppressed addresses", "Adds an address to a suppression list or changes it.";
    "EmailServices/Domains/SuppressionLists/SuppressionListAddresses/delete", "Delete suppressed addresses", "Removes an address from a suppression list.";
};
