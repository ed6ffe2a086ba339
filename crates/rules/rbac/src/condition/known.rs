//! The attributes that this server supplies.

use std::fmt;

use super::lexer::shortened;
use super::operator::Class;
use super::syntax::{Expression, Reference};
use super::{Condition, Source};

/// The kind of values that an attribute has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Strings.
    Text,
    /// Addresses of e-mail, or domains, in lower case; the domain in its ASCII form. They are compared
    /// ignoring letter case, whatever the operator says, as everywhere else.
    Mail,
    /// Integers.
    Number,
    /// GUIDs.
    Guid,
    /// Moments.
    Time,
    /// Addresses of the network, as strings.
    Address,
}

/// An attribute that this server supplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownAttribute {
    /// Its source.
    pub source: Source,
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
}

/// `@Environment[UtcNow]`.
pub const UTC_NOW: &str = "UtcNow";
/// `@Environment[ClientAddress]`.
pub const CLIENT_ADDRESS: &str = "ClientAddress";
/// The role of an assignment.
pub const ROLE_DEFINITION_ID: &str = "Microsoft.Authorization/roleAssignments:RoleDefinitionId";
/// Who gets it.
pub const PRINCIPAL_ID: &str = "Microsoft.Authorization/roleAssignments:PrincipalId";
/// What that is: `User`, `Group` or `ServicePrincipal`.
pub const PRINCIPAL_TYPE: &str = "Microsoft.Authorization/roleAssignments:PrincipalType";
/// The whole address of a sender of mail.
pub const SENDER_ADDRESS: &str = "Microsoft.Communication/EmailServices:SenderAddress";
/// What follows its `@`.
pub const SENDER_DOMAIN: &str = "Microsoft.Communication/EmailServices:SenderDomain";
/// What follows the `@` of a recipient; asked once for each domain among the recipients.
pub const RECIPIENT_DOMAIN: &str = "Microsoft.Communication/EmailServices:RecipientDomain";
/// How many recipients a message has.
pub const RECIPIENT_COUNT: &str = "Microsoft.Communication/EmailServices:RecipientCount";

/// All of them.
pub const KNOWN: &[KnownAttribute] = &[
    known(Source::Environment, UTC_NOW, Kind::Time),
    known(Source::Environment, CLIENT_ADDRESS, Kind::Address),
    known(Source::Request, ROLE_DEFINITION_ID, Kind::Guid),
    known(Source::Request, PRINCIPAL_ID, Kind::Guid),
    known(Source::Request, PRINCIPAL_TYPE, Kind::Text),
    known(Source::Resource, ROLE_DEFINITION_ID, Kind::Guid),
    known(Source::Resource, PRINCIPAL_ID, Kind::Guid),
    known(Source::Resource, PRINCIPAL_TYPE, Kind::Text),
    known(Source::Request, SENDER_ADDRESS, Kind::Mail),
    known(Source::Request, SENDER_DOMAIN, Kind::Mail),
    known(Source::Request, RECIPIENT_DOMAIN, Kind::Mail),
    known(Source::Request, RECIPIENT_COUNT, Kind::Number),
];

const fn known(source: Source, name: &'static str, kind: Kind) -> KnownAttribute {
    KnownAttribute { source, name, kind }
}

/// Why a condition that can be read cannot be fulfilled on this server. The text is for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotValid {
    /// An attribute that this server does not supply. Azure says "Resource attribute" of a request's
    /// attributes too.
    #[error("{} attribute {name} is not valid.", azure_word(.of))]
    Attribute {
        /// Its source.
        of: Source,
        /// Its name.
        name: String,
    },
    /// A comparison that an attribute's values can never pass, because they are of another kind.
    #[error("Attribute {name} holds {kind}; the comparison '{comparison}' is not valid.")]
    Comparison {
        /// The attribute.
        name: String,
        /// What its values are.
        kind: Kind,
        /// The comparison as it is written.
        comparison: String,
    },
    /// A domain that is not in its ASCII form: the comparison would never see it.
    #[error("Attribute {name} holds domains in their ASCII form; write '{domain}' as xn--.")]
    Domain {
        /// The attribute.
        name: String,
        /// The domain as it is written.
        domain: String,
    },
    /// A sub-operation: none of this server's operations has one, so the condition would not hold anything
    /// to anything.
    #[error("Sub-operation {name} is not valid.")]
    SubOperation {
        /// Its name.
        name: String,
    },
}

fn azure_word(of: &Source) -> Source {
    if *of == Source::Request { Source::Resource } else { *of }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Text | Kind::Mail => "text",
            Kind::Number => "an integer",
            Kind::Guid => "a GUID",
            Kind::Time => "a moment",
            Kind::Address => "an address",
        })
    }
}

impl Kind {
    /// Whether its values can be compared so.
    fn fits(self, class: Class) -> bool {
        match self {
            Kind::Text | Kind::Mail => class == Class::Text,
            Kind::Number => class == Class::Number,
            Kind::Guid => class == Class::Guid,
            Kind::Time => class == Class::Time,
            Kind::Address => matches!(class, Class::Address | Class::Text),
        }
    }
}

/// Whether this server supplies every attribute that a condition asks for, and as such values that the
/// comparisons can hold. To be asked when a condition is written; built-in roles may have others, which are
/// absent.
///
/// # Errors
/// [`NotValid`] names the first that is not so.
pub fn check_known(condition: &Condition) -> Result<(), NotValid> {
    let mut problem = None;
    condition.walk(&mut |expression| {
        if problem.is_none() {
            problem = check(expression, condition.text()).err();
        }
    });
    problem.map_or(Ok(()), Err)
}

fn check(expression: &Expression, text: &str) -> Result<(), NotValid> {
    if let Expression::SubOperation { name, .. } = expression {
        return Err(NotValid::SubOperation { name: name.to_string() });
    }
    for reference in expression.own_attributes() {
        let Some(known) = find(reference) else {
            return Err(NotValid::Attribute { of: reference.source, name: reference.name.to_string() });
        };
        let Expression::Comparison(comparison) = expression else { continue };
        if !known.kind.fits(comparison.operator.test.class()) {
            return Err(NotValid::Comparison {
                name: reference.name.to_string(),
                kind: known.kind,
                comparison: shortened(text.get(comparison.span.clone()).unwrap_or_default()),
            });
        }
        if known.kind == Kind::Mail
            && let Some(domain) = comparison.texts().filter_map(|text| odd_domain(known, text)).next()
        {
            return Err(NotValid::Domain { name: reference.name.to_string(), domain: shortened(domain) });
        }
    }
    Ok(())
}

/// What of a text would have to be a domain and is not in its ASCII form.
fn odd_domain<'a>(known: &KnownAttribute, text: &'a str) -> Option<&'a str> {
    let domain = match text.rsplit_once('@') {
        Some((_, domain)) => domain,
        None if known.name == SENDER_ADDRESS => return None,
        None => text,
    };
    (!domain.is_ascii()).then_some(domain)
}

/// Whether letter case never matters in the values of an attribute.
pub(super) fn ignores_case(reference: &Reference) -> bool {
    find(reference).is_some_and(|known| known.kind == Kind::Mail)
}

fn find(reference: &Reference) -> Option<&'static KnownAttribute> {
    KNOWN.iter().find(|known| {
        let same_name = if reference.case_sensitive {
            known.name == &*reference.name
        } else {
            known.name.eq_ignore_ascii_case(&reference.name)
        };
        known.source == reference.source && same_name
    })
}
