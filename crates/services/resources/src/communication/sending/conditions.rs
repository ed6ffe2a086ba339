//! The conditions under which an application may send: which senders, which recipients, how many, from where,
//! until when (docs/conditions.md).
//!
//! The three actions are asked with as much as is known of a message. At AUTH that is nothing, at MAIL its
//! reverse-path, at RCPT one recipient, at the end of data all of it; only then is the answer final. Until
//! then a "no" is one whatever will follow, and a "perhaps" lets the client go on. A message is held to the
//! conditions once for its reverse-path and once for each author in its header, each time with every domain
//! among its recipients.
//!
//! Roles without conditions, which are most, cost one question at MAIL: [`Permission`] says what need not be
//! asked any more. Nothing is kept between transactions, so a change of a condition counts from the next MAIL
//! on.
//!
//! SECURITY: addresses are told in lower case, as senders are compared, and conditions compare them ignoring it.
//! Otherwise `CEO@contoso.com` would pass a condition that excludes `ceo@contoso.com`.

use std::collections::BTreeSet;

use gatepost_access::Denied;
use gatepost_names::EmailAddress;
use gatepost_rbac::Plane;
use gatepost_rbac::condition::{
    Attribute, Attributes, RECIPIENT_COUNT, RECIPIENT_DOMAIN, SENDER_ADDRESS, SENDER_DOMAIN, Source, Value,
};

use super::{Part, SendRefusal, Sending, SendingIdentity};
use crate::communication::ACTIONS_TO_SEND;

/// What is left to ask in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Nothing: the roles allow any message.
    Any,
    /// The authors in the header: the roles allow the reverse-path, whoever the recipients are.
    Sender,
    /// Everything.
    Conditional,
}

impl Permission {
    /// Whether each recipient is to be asked about.
    pub fn asks_recipients(self) -> bool {
        self == Permission::Conditional
    }
}

/// A message whose end has come.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The reverse-path.
    pub reverse_path: &'a EmailAddress,
    /// The addresses of From and Sender in the header.
    pub authors: &'a [EmailAddress],
    /// The forward-paths.
    pub recipients: &'a [EmailAddress],
}

/// What conditions can know of a message; [`None`] is not known yet.
#[derive(Clone, Copy, Debug, Default)]
struct Known<'a> {
    /// In the form in which addresses are compared, and the domain.
    sender: Option<(&'a str, &'a str)>,
    recipient_domain: Option<&'a str>,
    recipients: Option<i64>,
}

impl Attributes for Known<'_> {
    fn get(&self, source: Source, name: &str) -> Attribute<'_> {
        let is = |known: &str| source == Source::Request && name.eq_ignore_ascii_case(known);
        let value = if is(SENDER_ADDRESS) {
            self.sender.map(|(address, _)| Value::Text(address))
        } else if is(SENDER_DOMAIN) {
            self.sender.map(|(_, domain)| Value::Text(domain))
        } else if is(RECIPIENT_DOMAIN) {
            self.recipient_domain.map(Value::Text)
        } else if is(RECIPIENT_COUNT) {
            self.recipients.map(Value::Number)
        } else {
            return Attribute::Absent;
        };
        value.map_or(Attribute::Unknown, Attribute::Known)
    }
}

impl Sending {
    /// Whether the roles allow all three actions for some message at least.
    pub(super) fn allowed_at_all(&self, identity: &SendingIdentity) -> Result<Permission, Denied> {
        let depends = self.possible(identity, &Known::default())?;
        Ok(if depends { Permission::Conditional } else { Permission::Any })
    }

    /// Begins a transaction: the application may still send, the reverse-path is a registered sender of a
    /// linked, verified domain, and the roles allow some message from it.
    ///
    /// # Errors
    /// [`SendRefusal`] with the first thing that is missing.
    pub fn begin(
        &self,
        identity: &SendingIdentity,
        reverse_path: &EmailAddress,
    ) -> Result<Permission, SendRefusal> {
        let permission = self.authorize(identity)?;
        self.check_sender(identity, reverse_path)?;
        if permission == Permission::Any {
            return Ok(permission);
        }
        let key = reverse_path.key();
        let known = Known { sender: Some((&key, reverse_path.domain().as_str())), ..Known::default() };
        let depends = self.possible(identity, &known).map_err(not_allowed(Part::Sender, reverse_path))?;
        Ok(if depends { Permission::Conditional } else { Permission::Sender })
    }

    /// Whether the roles allow some message from the reverse-path to this recipient. To be asked only where
    /// [`Permission::asks_recipients`].
    ///
    /// # Errors
    /// [`SendRefusal::NotAllowed`].
    pub fn check_recipient(
        &self,
        identity: &SendingIdentity,
        reverse_path: &EmailAddress,
        recipient: &EmailAddress,
    ) -> Result<(), SendRefusal> {
        let key = reverse_path.key();
        let known = Known {
            sender: Some((&key, reverse_path.domain().as_str())),
            recipient_domain: Some(recipient.domain().as_str()),
            recipients: None,
        };
        self.possible(identity, &known).map_err(not_allowed(Part::Recipient, recipient))?;
        Ok(())
    }

    /// Whether a message may be sent: each author is a registered sender, and the roles allow the message as
    /// it is. `permission` is what the transaction began with.
    ///
    /// # Errors
    /// [`SendRefusal::Sender`] for an author that is no sender; [`SendRefusal::NotAllowed`].
    pub fn check_message(
        &self,
        identity: &SendingIdentity,
        permission: Permission,
        message: &Outgoing<'_>,
    ) -> Result<(), SendRefusal> {
        if permission == Permission::Conditional {
            self.check_conditions(identity, message.reverse_path, message.recipients)?;
        }
        // What was decided at MAIL, or just now, is not asked again.
        let mut decided = BTreeSet::from([message.reverse_path.key()]);
        for author in message.authors {
            self.check_sender(identity, author)?;
            if permission != Permission::Any && decided.insert(author.key()) {
                self.check_conditions(identity, author, message.recipients)?;
            }
        }
        Ok(())
    }

    /// The final question about one sender and all recipients.
    fn check_conditions(
        &self,
        identity: &SendingIdentity,
        sender: &EmailAddress,
        recipients: &[EmailAddress],
    ) -> Result<(), SendRefusal> {
        let refused = not_allowed(Part::Message, sender);
        let key = sender.key();
        let distinct: BTreeSet<String> = recipients.iter().map(EmailAddress::key).collect();
        let domains: BTreeSet<&str> = recipients.iter().map(|to| to.domain().as_str()).collect();
        let mut known = Known {
            sender: Some((&key, sender.domain().as_str())),
            recipient_domain: None,
            recipients: Some(i64::try_from(distinct.len()).unwrap_or(i64::MAX)),
        };
        if !self.possible(identity, &known).map_err(&refused)? {
            return Ok(());
        }
        // A message without recipients has not been held to anything.
        if domains.is_empty() {
            return self.final_answer(identity, &known).map_err(&refused);
        }
        for domain in domains {
            known.recipient_domain = Some(domain);
            self.final_answer(identity, &known).map_err(&refused)?;
        }
        Ok(())
    }

    /// Whether the roles allow the three actions, or may yet: then the answer is true.
    fn possible(&self, identity: &SendingIdentity, known: &Known<'_>) -> Result<bool, Denied> {
        let (access, scope) = (&self.0.platform.access, identity.service.scope());
        let mut depends = false;
        for action in ACTIONS_TO_SEND {
            let granted =
                access.require_possible_with(&identity.caller, action, scope, Plane::Control, known)?;
            depends |= granted.conditional;
        }
        Ok(depends)
    }

    fn final_answer(&self, identity: &SendingIdentity, known: &Known<'_>) -> Result<(), Denied> {
        let (access, scope) = (&self.0.platform.access, identity.service.scope());
        for action in ACTIONS_TO_SEND {
            access.require_with(&identity.caller, action, scope, Plane::Control, known)?;
        }
        Ok(())
    }
}

fn not_allowed(at: Part, about: &EmailAddress) -> impl Fn(Denied) -> SendRefusal {
    let about = about.to_string();
    move |denied| SendRefusal::NotAllowed { at, about: about.clone(), denied: Box::new(denied) }
}

#[cfg(test)]
#[path = "conditions_tests.rs"]
mod tests;
