//! What a custom role definition must be like (reference rbac.md section 4.3). Pure checks: that the name is
//! free and that the author may write at each assignable scope is for the caller to ask.

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
/// Most custom roles in a tenant.
pub const MAX_ROLES: usize = 5000;

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
    /// A permission block with a condition: one that is kept and not evaluated would make people believe in it.
    #[error(
        "Conditions in role definitions are not supported by this server. Leave out 'condition' and \
         'conditionVersion'."
    )]
    Condition,
    /// Action strings that are not well formed, each with what is wrong.
    #[error("{}", malformed_text(.0))]
    MalformedActions(Vec<(String, PatternError)>),
    /// Actions that no provider has; all of them.
    #[error("{}", unknown_text(.0))]
    UnknownActions(Vec<String>),
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
            CustomRoleError::Condition => "RoleDefinitionConditionNotSupported",
            CustomRoleError::MalformedActions(_) | CustomRoleError::UnknownActions(_) => {
                "InvalidActionOrNotAction"
            }
        }
    }
}

/// Checks a custom role; answers its assignable scopes, without repetitions and in the order given.
///
/// # Errors
/// The first rule broken, in the order of [`CustomRoleError`]'s variants. Unknown actions are named all at
/// once, and so are malformed ones.
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
    check_actions(draft.permissions, catalogue)?;
    Ok(scopes)
}

fn check_scopes(texts: &[String]) -> Result<Vec<Scope>, CustomRoleError> {
    if texts.is_empty() {
        return Err(CustomRoleError::NoAssignableScopes);
    }
    if texts.len() > MAX_SCOPES {
        return Err(CustomRoleError::TooManyAssignableScopes);
    }
    let mut scopes: Vec<Scope> = Vec::with_capacity(texts.len());
    let mut seen = std::collections::HashSet::new();
    for text in texts {
        let malformed = || CustomRoleError::MalformedScope(text.clone());
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

fn check_actions(blocks: &[PermissionBlock], catalogue: &dyn Catalogue) -> Result<(), CustomRoleError> {
    let actions = |block: &PermissionBlock| {
        block.actions.len()
            + block.not_actions.len()
            + block.data_actions.len()
            + block.not_data_actions.len()
    };
    if blocks.len() > MAX_ACTIONS || blocks.iter().map(actions).sum::<usize>() > MAX_ACTIONS {
        return Err(CustomRoleError::TooManyActions);
    }
    if blocks.iter().any(|block| block.condition.is_some()) {
        return Err(CustomRoleError::Condition);
    }
    let (mut malformed, mut unknown) = (Vec::new(), Vec::new());
    for block in blocks {
        for plane in [Plane::Control, Plane::Data] {
            let (granted, excluded) = block.on(plane);
            for action in granted.iter().chain(excluded) {
                match ActionPattern::parse(action) {
                    Err(error) => malformed.push((action.clone(), error)),
                    Ok(pattern) if pattern.has_wildcard() || catalogue.knows(action, plane) => {}
                    Ok(_) => unknown.push(action.clone()),
                }
            }
        }
    }
    if !malformed.is_empty() {
        return Err(CustomRoleError::MalformedActions(malformed));
    }
    if !unknown.is_empty() {
        return Err(CustomRoleError::UnknownActions(unknown));
    }
    Ok(())
}

fn malformed_text(bad: &[(String, PatternError)]) -> String {
    let texts: Vec<String> = bad.iter().map(|(action, error)| format!("'{action}': {error}")).collect();
    format!("These are not actions: {}.", texts.join("; "))
}

/// Azure names one action; here each has its sentence.
fn unknown_text(actions: &[String]) -> String {
    let sentence =
        |action: &String| format!("'{action}' does not match any of the actions supported by the providers.");
    actions.iter().map(sentence).collect::<Vec<_>>().join(" ")
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
        let error = refused("r", "", &[SUB], &["a/*/b/*", "a b", "*"]);
        let CustomRoleError::MalformedActions(bad) = error else { panic!("{error}") };
        assert_eq!(bad.len(), 2);
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

    #[test]
    fn a_condition_in_a_custom_role_is_refused() {
        let permissions = [PermissionBlock { condition: Some("x".to_owned()), ..Default::default() }];
        let scopes = [SUB.to_owned()];
        let draft =
            Draft { name: "r", description: "", permissions: &permissions, assignable_scopes: &scopes };
        let error = check(&draft, &builtin::names_action).unwrap_err();
        assert_eq!(error.code(), "RoleDefinitionConditionNotSupported");
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
