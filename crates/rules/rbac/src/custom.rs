//! What a custom role definition must be like (reference rbac.md section 4.3). Pure checks: that the name is
//! free and that the author may write at each assignable scope is for the caller to ask.

use std::collections::HashSet;
use std::fmt;

use gatepost_names::{Scope, ScopeKind};

use crate::{ActionPattern, PatternError, PermissionBlock, Plane};

/// Most characters in `roleName`.
pub const MAX_NAME: usize = 512;
/// Most characters in `description`.
pub const MAX_DESCRIPTION: usize = 2048;
/// Most assignable scopes.
pub const MAX_SCOPES: usize = 2000;
/// Most permission blocks, and most action strings in all of them together.
pub const MAX_ACTIONS: usize = 2000;
/// Most permission blocks with a condition, and most bytes of all their conditions together: each is read again
/// wherever the role grants something.
pub const MAX_CONDITIONED_BLOCKS: usize = 20;
/// See [`MAX_CONDITIONED_BLOCKS`].
pub const MAX_CONDITION_BYTES: usize = 32 * 1024;
/// Most bytes of all action strings and assignable scopes together.
pub const MAX_BYTES: usize = 256 * 1024;
/// Most custom roles in a tenant.
pub const MAX_ROLES: usize = 5000;
/// Most characters of an action in an error text, and most actions in one.
const MOST_ECHOED: usize = 200;
const MOST_NAMED: usize = 50;

/// The operations that exist.
pub trait Catalogue {
    /// Whether `action` is an operation of some provider on this plane, ignoring letter case.
    fn knows(&self, action: &str, plane: Plane) -> bool;
}

impl<F: Fn(&str, Plane) -> bool> Catalogue for F {
    fn knows(&self, action: &str, plane: Plane) -> bool {
        self(action, plane)
    }
}

/// A custom role as a client sends it.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// `roleName`.
    pub name: &'a str,
    /// `description`; empty if there is none.
    pub description: &'a str,
    /// `permissions`.
    pub permissions: &'a [PermissionBlock],
    /// `assignableScopes`.
    pub assignable_scopes: &'a [String],
}

/// Why a custom role is refused; the text is for the client. [`CustomRoleError::code`] is Azure's where it is
/// known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomRoleError {
    /// No name.
    #[error("The role definition name cannot be null or empty.")]
    NameEmpty,
    /// The name is too long.
    #[error("The role definition name has more than {MAX_NAME} characters.")]
    NameTooLong,
    /// The description is too long.
    #[error("The role definition description has more than {MAX_DESCRIPTION} characters.")]
    DescriptionTooLong,
    /// No assignable scope.
    #[error("The role definition must have at least one assignable scope.")]
    NoAssignableScopes,
    /// Too many assignable scopes.
    #[error("The role definition has more than {MAX_SCOPES} assignable scopes.")]
    TooManyAssignableScopes,
    /// The tenant root: only built-in roles have it.
    #[error("The assignable scope '/' is allowed for built-in roles only.")]
    RootScope,
    /// More than one management group.
    #[error("The role definition has more than one management group among its assignable scopes.")]
    ManyManagementGroups,
    /// An assignable scope that is not a scope, or has a wildcard.
    #[error(
        "Property id '{0}' at path 'properties.assignableScopes' is invalid. \
         Expect fully qualified resource Id that start with '/subscriptions/{{subscriptionId}}' \
         or '/providers/{{resourceProviderNamespace}}/'."
    )]
    MalformedScope(String),
    /// Too many permission blocks or action strings.
    #[error("The role definition has more than {MAX_ACTIONS} permissions or actions.")]
    TooManyActions,
    /// Too many conditions, or too long ones.
    #[error(
        "The role definition has more than {MAX_CONDITIONED_BLOCKS} permissions with a condition, or more than \
         {MAX_CONDITION_BYTES} bytes of conditions."
    )]
    TooManyConditions,
    /// The action strings and assignable scopes are too long together.
    #[error("The actions and assignable scopes of the role definition have more than {MAX_BYTES} bytes.")]
    TooLarge,
    /// Action strings that are not well formed, and actions that no provider has; all of them.
    #[error("{}", bad_actions_text(.0))]
    BadActions(Vec<BadAction>),
}

/// An action string that a custom role may not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAction {
    /// As it was written.
    pub action: String,
    /// What is wrong with its form; `None` where no provider has it.
    pub malformed: Option<PatternError>,
}

impl fmt::Display for BadAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown: String = self.action.chars().take(MOST_ECHOED).collect();
        if shown.len() < self.action.len() {
            shown.push('…');
        }
        write!(f, "'{shown}' does not match any of the actions supported by the providers")?;
        match &self.malformed {
            Some(error) => write!(f, ": {error}."),
            None => f.write_str("."),
        }
    }
}

impl CustomRoleError {
    /// The error code on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            CustomRoleError::NameEmpty => "RoleDefinitionNameNullOrEmpty",
            CustomRoleError::NameTooLong => "RoleDefinitionNameTooLong",
            CustomRoleError::DescriptionTooLong => "RoleDefinitionDescriptionTooLong",
            CustomRoleError::NoAssignableScopes => "MissingAssignableScopes",
            CustomRoleError::TooManyAssignableScopes => "AssignableScopeLimitExceeded",
            CustomRoleError::RootScope | CustomRoleError::ManyManagementGroups => "InvalidAssignableScopes",
            CustomRoleError::MalformedScope(_) => "LinkedInvalidPropertyId",
            CustomRoleError::TooManyActions => "RoleDefinitionActionLimitExceeded",
            CustomRoleError::TooManyConditions => "RoleDefinitionConditionLimitExceeded",
            CustomRoleError::TooLarge => "RoleDefinitionSizeLimitExceeded",
            CustomRoleError::BadActions(_) => "InvalidActionOrNotAction",
        }
    }
}

/// Checks a custom role; answers its assignable scopes, without repetitions and in the order given.
///
/// # Errors
/// The first rule broken, in the order of [`CustomRoleError`]'s variants. Bad actions are named all at once.
pub fn check(draft: &Draft<'_>, catalogue: &dyn Catalogue) -> Result<Vec<Scope>, CustomRoleError> {
    if draft.name.trim().is_empty() {
        return Err(CustomRoleError::NameEmpty);
    }
    if draft.name.chars().count() > MAX_NAME {
        return Err(CustomRoleError::NameTooLong);
    }
    if draft.description.chars().count() > MAX_DESCRIPTION {
        return Err(CustomRoleError::DescriptionTooLong);
    }
    let scopes = check_scopes(draft.assignable_scopes)?;
    check_count(draft.permissions)?;
    check_conditions(draft.permissions)?;
    let bytes = draft.assignable_scopes.iter().map(String::len).sum::<usize>();
    if bytes + bytes_of_actions(draft.permissions) > MAX_BYTES {
        return Err(CustomRoleError::TooLarge);
    }
    check_actions(draft.permissions, catalogue)?;
    Ok(scopes)
}

/// Checks that permission blocks have few and short conditions; what one says is for the caller to check.
fn check_conditions(blocks: &[PermissionBlock]) -> Result<(), CustomRoleError> {
    let conditions = || blocks.iter().filter_map(|block| block.condition.as_ref());
    let bytes: usize = conditions().map(String::len).sum();
    if conditions().count() > MAX_CONDITIONED_BLOCKS || bytes > MAX_CONDITION_BYTES {
        return Err(CustomRoleError::TooManyConditions);
    }
    Ok(())
}

fn check_count(blocks: &[PermissionBlock]) -> Result<(), CustomRoleError> {
    if blocks.len() > MAX_ACTIONS || strings(blocks).count() > MAX_ACTIONS {
        return Err(CustomRoleError::TooManyActions);
    }
    Ok(())
}

fn bytes_of_actions(blocks: &[PermissionBlock]) -> usize {
    strings(blocks).map(String::len).sum()
}

/// All action strings of some blocks.
fn strings(blocks: &[PermissionBlock]) -> impl Iterator<Item = &String> {
    let lists =
        blocks.iter().flat_map(|b| [&b.actions, &b.not_actions, &b.data_actions, &b.not_data_actions]);
    lists.flatten()
}

fn check_scopes(texts: &[String]) -> Result<Vec<Scope>, CustomRoleError> {
    if texts.is_empty() {
        return Err(CustomRoleError::NoAssignableScopes);
    }
    if texts.len() > MAX_SCOPES {
        return Err(CustomRoleError::TooManyAssignableScopes);
    }
    let mut scopes: Vec<Scope> = Vec::with_capacity(texts.len());
    let mut seen = HashSet::new();
    for text in texts {
        let malformed = || CustomRoleError::MalformedScope(text.chars().take(MOST_ECHOED).collect());
        let scope = Scope::parse(text).map_err(|_| malformed())?;
        if text.contains('*') {
            return Err(malformed());
        }
        match scope.kind() {
            ScopeKind::TenantRoot => return Err(CustomRoleError::RootScope),
            // Only services' own roles are assignable there.
            ScopeKind::TenantProvider => return Err(malformed()),
            _ => {}
        }
        if seen.insert(scope.key().to_owned()) {
            scopes.push(scope);
        }
    }
    let groups = scopes.iter().filter(|scope| scope.kind() == ScopeKind::ManagementGroup).count();
    if groups > 1 {
        return Err(CustomRoleError::ManyManagementGroups);
    }
    Ok(scopes)
}

/// Checks the action strings of permission blocks alone; also those of deny assignments are such.
///
/// # Errors
/// [`CustomRoleError::TooManyActions`], [`CustomRoleError::TooLarge`], [`CustomRoleError::BadActions`].
pub fn check_actions(blocks: &[PermissionBlock], catalogue: &dyn Catalogue) -> Result<(), CustomRoleError> {
    check_count(blocks)?;
    if bytes_of_actions(blocks) > MAX_BYTES {
        return Err(CustomRoleError::TooLarge);
    }
    let (mut bad, mut seen) = (Vec::new(), HashSet::new());
    for block in blocks {
        for plane in [Plane::Control, Plane::Data] {
            let (granted, excluded) = block.on(plane);
            for action in granted.iter().chain(excluded) {
                // Built-in roles hold a few strings of an odd form; whoever clones one may have them too.
                if catalogue.knows(action, plane) {
                    continue;
                }
                let malformed = match ActionPattern::parse(action) {
                    Ok(pattern) if pattern.has_wildcard() => continue,
                    Ok(_) => None,
                    Err(error) => Some(error),
                };
                if seen.insert(action) {
                    bad.push(BadAction { action: action.clone(), malformed });
                }
            }
        }
    }
    if bad.is_empty() { Ok(()) } else { Err(CustomRoleError::BadActions(bad)) }
}

/// Azure names one action; here each has its sentence, up to a number that people can read.
fn bad_actions_text(bad: &[BadAction]) -> String {
    let mut sentences: Vec<String> = bad.iter().take(MOST_NAMED).map(BadAction::to_string).collect();
    let left = bad.len().saturating_sub(MOST_NAMED);
    if left > 0 {
        sentences.push(format!("And {left} more."));
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;

    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";

    fn refused(name: &str, description: &str, scopes: &[&str], actions: &[&str]) -> CustomRoleError {
        checked(name, description, scopes, actions).unwrap_err()
    }

    fn checked(
        name: &str,
        description: &str,
        scopes: &[&str],
        actions: &[&str],
    ) -> Result<Vec<Scope>, CustomRoleError> {
        let permissions = [PermissionBlock {
            actions: actions.iter().map(|s| (*s).to_owned()).collect(),
            ..Default::default()
        }];
        let scopes: Vec<String> = scopes.iter().map(|s| (*s).to_owned()).collect();
        let draft = Draft { name, description, permissions: &permissions, assignable_scopes: &scopes };
        check(&draft, &builtin::names_action)
    }

    #[test]
    fn the_role_of_the_main_job_is_fine() {
        let actions = [
            "Microsoft.Communication/CommunicationServices/Read",
            "Microsoft.Communication/CommunicationServices/Write",
            "Microsoft.Communication/EmailServices/Write",
        ];
        let group = format!("{SUB}/resourceGroups/rg");
        let scopes =
            checked("SMTP sender", "", &[&group, &group.to_uppercase().replace("SUBSC", "subsc")], &actions);
        assert_eq!(scopes.unwrap().len(), 1, "one scope in two spellings");
    }

    #[test]
    fn names_and_descriptions_have_lengths() {
        assert_eq!(refused("", "", &[SUB], &[]).code(), "RoleDefinitionNameNullOrEmpty");
        assert_eq!(refused(" ", "", &[SUB], &[]), CustomRoleError::NameEmpty);
        assert_eq!(refused(&"é".repeat(513), "", &[SUB], &[]), CustomRoleError::NameTooLong);
        assert!(checked(&"é".repeat(512), &"é".repeat(2048), &[SUB], &[]).is_ok());
        assert_eq!(refused("r", &"x".repeat(2049), &[SUB], &[]), CustomRoleError::DescriptionTooLong);
    }

    #[test]
    fn scopes_have_rules() {
        let group = |name: &str| format!("/providers/Microsoft.Management/managementGroups/{name}");
        assert_eq!(refused("r", "", &[], &[]).code(), "MissingAssignableScopes");
        assert_eq!(refused("r", "", &["/"], &[]), CustomRoleError::RootScope);
        assert_eq!(refused("r", "", &["subscriptions"], &[]).code(), "LinkedInvalidPropertyId");
        let starred = format!("{SUB}/resourceGroups/*");
        assert_eq!(refused("r", "", &[&starred], &[]), CustomRoleError::MalformedScope(starred.clone()));
        assert_eq!(refused("r", "", &[&group("a"), &group("b")], &[]), CustomRoleError::ManyManagementGroups);
        assert!(checked("r", "", &[&group("a"), SUB], &[]).is_ok());
        let many: Vec<String> = (0..=MAX_SCOPES).map(|n| format!("{SUB}/resourceGroups/rg{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(refused("r", "", &many, &[]), CustomRoleError::TooManyAssignableScopes);
        assert!(checked("r", "", &many[1..], &[]).is_ok());
    }

    #[test]
    fn all_bad_actions_are_named_at_once() {
        let error = refused("r", "", &[SUB], &["A.B/c/read", "Microsoft.Communication/*", "A.B/c/write"]);
        assert_eq!(error.code(), "InvalidActionOrNotAction");
        assert_eq!(
            error.to_string(),
            "'A.B/c/read' does not match any of the actions supported by the providers. \
             'A.B/c/write' does not match any of the actions supported by the providers."
        );
    }

    #[test]
    fn malformed_and_unknown_actions_are_named_together() {
        let error = refused("r", "", &[SUB], &["a/*/b/*", "a b", "*", "A.B/c/read", "a b", "\u{441}/read"]);
        let text = error.to_string();
        let CustomRoleError::BadActions(bad) = error else { panic!("{error}") };
        let actions: Vec<&str> = bad.iter().map(|bad| bad.action.as_str()).collect();
        assert_eq!(actions, ["a/*/b/*", "a b", "A.B/c/read", "\u{441}/read"]);
        for (bad, sentence) in bad.iter().zip([
            "'a/*/b/*' does not match any of the actions supported by the providers: an action has at most one \
             `*`.",
            "'a b' does not match any of the actions supported by the providers: an action has letters,",
            "'A.B/c/read' does not match any of the actions supported by the providers.",
        ]) {
            assert!(bad.to_string().starts_with(sentence), "{bad}");
            assert!(text.contains(&bad.to_string()));
        }
    }

    #[test]
    fn two_thousand_bad_actions_make_a_text_of_bounded_length() {
        let long = format!("A.B/{}/read", "x".repeat(100));
        let actions: Vec<String> = (0..MAX_ACTIONS).map(|number| format!("{long}{number}")).collect();
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        let error = refused("r", "", &[SUB], &actions);
        let text = error.to_string();
        assert!(text.len() < 20_000 && text.ends_with("And 1950 more."), "{text}");
        let CustomRoleError::BadActions(bad) = error else { panic!("{text}") };
        assert_eq!(bad.len(), MAX_ACTIONS);
    }

    #[test]
    fn a_custom_role_has_a_limited_size() {
        let (most, over) = (vec!["*/read"; MAX_ACTIONS], vec!["*/read"; MAX_ACTIONS + 1]);
        assert!(checked("r", "", &[SUB], &most).is_ok());
        assert_eq!(refused("r", "", &[SUB], &over), CustomRoleError::TooManyActions);
        let half = vec!["*/read".to_owned(); MAX_ACTIONS / 2];
        let spread = PermissionBlock {
            actions: half.clone(),
            not_actions: half,
            data_actions: vec!["*".to_owned()],
            ..Default::default()
        };
        let scopes = [SUB.to_owned()];
        for permissions in [vec![spread], vec![PermissionBlock::default(); MAX_ACTIONS + 1]] {
            let draft =
                Draft { name: "r", description: "", permissions: &permissions, assignable_scopes: &scopes };
            assert_eq!(check(&draft, &builtin::names_action), Err(CustomRoleError::TooManyActions));
        }
    }

    fn check_blocks(permissions: &[PermissionBlock]) -> Result<Vec<Scope>, CustomRoleError> {
        let scopes = [SUB.to_owned()];
        let draft = Draft { name: "r", description: "", permissions, assignable_scopes: &scopes };
        check(&draft, &builtin::names_action)
    }

    #[test]
    fn conditions_of_a_custom_role_are_bounded_in_number_and_bytes() {
        let blocks = |count: usize, bytes: usize| -> Vec<PermissionBlock> {
            let block = PermissionBlock { condition: Some("x".repeat(bytes)), ..PermissionBlock::default() };
            vec![block; count]
        };
        assert!(check_blocks(&blocks(MAX_CONDITIONED_BLOCKS, 10)).is_ok());
        assert!(check_blocks(&blocks(4, 8192)).is_ok());
        for over in [blocks(MAX_CONDITIONED_BLOCKS + 1, 1), blocks(5, 8192)] {
            assert_eq!(check_blocks(&over), Err(CustomRoleError::TooManyConditions));
        }
        assert_eq!(CustomRoleError::TooManyConditions.code(), "RoleDefinitionConditionLimitExceeded");
    }

    #[test]
    fn a_custom_role_has_bounded_bytes() {
        let block =
            |action: String| PermissionBlock { actions: vec![action; 500], ..PermissionBlock::default() };
        assert!(check_blocks(&[block(format!("{}*", "x".repeat(500)))]).is_ok());
        let over = check_blocks(&[block(format!("{}*", "x".repeat(530)))]);
        assert_eq!(over, Err(CustomRoleError::TooLarge));
        assert_eq!(CustomRoleError::TooLarge.code(), "RoleDefinitionSizeLimitExceeded");
    }

    #[test]
    fn an_action_belongs_to_its_plane() {
        let permissions = [PermissionBlock {
            data_actions: vec!["Microsoft.Communication/EmailServices/Write".to_owned()],
            ..Default::default()
        }];
        let scopes = [SUB.to_owned()];
        let draft =
            Draft { name: "r", description: "", permissions: &permissions, assignable_scopes: &scopes };
        assert!(check(&draft, &builtin::names_action).is_err());
        assert!(check(&draft, &|_: &str, _: Plane| true).is_ok());
    }
}
