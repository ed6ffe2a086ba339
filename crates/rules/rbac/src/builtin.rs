//! The built-in roles of Azure: facts from `data/builtin-roles.txt`, read once.

use std::sync::{Arc, LazyLock, OnceLock};

use gatepost_names::{RoleDefinitionId, Scope};
use uuid::Uuid;

use crate::action::Action;
use crate::compiled::PatternSet;
use crate::{CompiledRole, PermissionBlock, Plane, RoleDefinition};

/// Everything, including who has access.
pub const OWNER: RoleDefinitionId = id(0x8e3af657_a8ff_443c_a75c_2fe8c4bcb635);
/// Everything except access.
pub const CONTRIBUTOR: RoleDefinitionId = id(0xb24988ac_6180_42a0_ab88_20f7382dd24c);
/// Reading everything.
pub const READER: RoleDefinitionId = id(0xacdd72a7_3385_48ef_bd42_f606fba81ae7);
/// Reading everything and managing access.
pub const USER_ACCESS_ADMINISTRATOR: RoleDefinitionId = id(0x18d7d88d_d35e_4fb5_a5c3_7773c20a72d9);
/// Reading everything and managing role assignments.
pub const RBAC_ADMINISTRATOR: RoleDefinitionId = id(0xf58310d9_a9f6_439a_9e8d_f62e7b41a168);
/// Everything of Microsoft.Communication.
pub const COMMUNICATION_AND_EMAIL_SERVICE_OWNER: RoleDefinitionId =
    id(0x09976791_48a7_449e_bb21_39d1a415f350);

const TEXT: &str = include_str!("../data/builtin-roles.txt");

const fn id(value: u128) -> RoleDefinitionId {
    RoleDefinitionId(Uuid::from_u128(value))
}

struct Catalogue {
    /// INVARIANT: sorted by id, as in the file.
    roles: Vec<RoleDefinition>,
    /// Compiled when first asked for; same order.
    compiled: Vec<OnceLock<Arc<CompiledRole>>>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut roles = parse(TEXT);
    roles.sort_by_key(|role| role.id);
    Catalogue { compiled: roles.iter().map(|_| OnceLock::new()).collect(), roles }
});

/// All of them, in the order of their ids.
pub fn roles() -> &'static [RoleDefinition] {
    &CATALOGUE.roles
}

/// One of them.
pub fn role(id: RoleDefinitionId) -> Option<&'static RoleDefinition> {
    roles().get(position(id)?)
}

/// One of them, ready to be asked.
pub(crate) fn compiled(id: RoleDefinitionId) -> Option<Arc<CompiledRole>> {
    let at = position(id)?;
    let (definition, compiled) = (roles().get(at)?, CATALOGUE.compiled.get(at)?);
    Some(compiled.get_or_init(|| Arc::new(CompiledRole::new(definition))).clone())
}

/// Whether some built-in role names this very action on this plane: together with the operations of the
/// resource types these are the actions that a custom role may name.
pub fn names_action(action: &str, plane: Plane) -> bool {
    static CONTROL: LazyLock<PatternSet> = LazyLock::new(|| named_on(Plane::Control));
    static DATA: LazyLock<PatternSet> = LazyLock::new(|| named_on(Plane::Data));
    let set = match plane {
        Plane::Control => &CONTROL,
        Plane::Data => &DATA,
    };
    Action::new(action).is_some_and(|action| set.contains_exact(&action))
}

fn named_on(plane: Plane) -> PatternSet {
    let blocks = roles().iter().flat_map(|role| &role.permissions);
    PatternSet::new(blocks.flat_map(|block| {
        let (granted, excluded) = block.on(plane);
        granted.iter().chain(excluded)
    }))
}

fn position(id: RoleDefinitionId) -> Option<usize> {
    roles().binary_search_by_key(&id, |role| role.id).ok()
}

/// Reads the text; its own head describes the format. A line that cannot be read is left out, with the role
/// it belongs to granting that much less; a test proves that there is none.
fn parse(text: &str) -> Vec<RoleDefinition> {
    let mut roles = Vec::new();
    let mut previous = String::new();
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "role" {
            roles.extend(start_role(rest));
            continue;
        }
        let Some(role) = roles.last_mut() else { continue };
        match word {
            "about" => rest.clone_into(&mut role.description),
            "scope" => role.assignable_scopes.extend(Scope::parse(rest)),
            "block" => role.permissions.push(PermissionBlock::default()),
            "" | "#" => {}
            _ => {
                if let Some(block) = role.permissions.last_mut() {
                    read_permission(block, &mut previous, word, rest);
                }
            }
        }
    }
    for role in &mut roles {
        if role.assignable_scopes.is_empty() {
            role.assignable_scopes.push(Scope::root());
        }
    }
    roles
}

fn start_role(rest: &str) -> Option<RoleDefinition> {
    let (id, name) = rest.split_once(' ')?;
    Some(RoleDefinition {
        id: id.parse().ok()?,
        name: unescape(name),
        description: String::new(),
        built_in: true,
        permissions: vec![PermissionBlock::default()],
        assignable_scopes: Vec::new(),
    })
}

fn read_permission(block: &mut PermissionBlock, previous: &mut String, word: &str, rest: &str) {
    let mut letters = word.chars();
    let list = match letters.next() {
        Some('a') => &mut block.actions,
        Some('n') => &mut block.not_actions,
        Some('d') => &mut block.data_actions,
        Some('x') => &mut block.not_data_actions,
        Some('i') => {
            if let Some((version, condition)) = rest.split_once(' ') {
                block.condition_version = Some(version.to_owned());
                block.condition = Some(condition.to_owned());
            }
            return;
        }
        _ => return,
    };
    let shared = letters.next().and_then(|digit| digit.to_digit(36)).unwrap_or(0);
    previous.truncate(end_of_segments(previous, shared));
    let (parent, names) = match rest.rfind('/').and_then(|at| rest.split_at_checked(at + 1)) {
        Some((parent, names)) => (parent, names),
        None => ("", rest),
    };
    previous.push_str(parent);
    let stem = previous.len();
    for name in names.split(',') {
        previous.truncate(stem);
        previous.push_str(name);
        list.push(unescape(previous));
    }
}

/// Where the first `count` segments end, each with its slash.
fn end_of_segments(text: &str, count: u32) -> usize {
    let slashes = text.match_indices('/').map(|(at, _)| at + 1);
    (count as usize).checked_sub(1).and_then(|n| slashes.into_iter().nth(n)).unwrap_or(0)
}

fn unescape(text: &str) -> String {
    match text.strip_suffix("\\s") {
        Some(start) => format!("{start} "),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_roles_load() {
        assert_eq!(roles().len(), 932);
        assert!(roles().windows(2).all(|pair| pair[0].id < pair[1].id), "in the order of their ids");
        let strings = |role: &RoleDefinition| -> usize {
            let planes = [Plane::Control, Plane::Data];
            let blocks = role.permissions.iter();
            blocks.flat_map(|b| planes.map(|p| b.on(p).0.len() + b.on(p).1.len())).sum()
        };
        assert_eq!(roles().iter().map(strings).sum::<usize>(), STRINGS);
        assert!(roles().iter().all(|role| !role.name.is_empty() && role.built_in));
        // Four roles of Azure have no permissions at all.
        assert_eq!(roles().iter().filter(|role| strings(role) == 0).count(), 4);
    }

    /// Strings in all roles, equal ones of one list counted once.
    const STRINGS: usize = 11_036;

    #[test]
    fn every_line_of_the_file_is_read() {
        for line in TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let word = line.split(' ').next().unwrap();
            let known = ["role", "about", "scope", "block", "if"].contains(&word)
                || (word.len() == 2 && word.starts_with(['a', 'n', 'd', 'x']));
            assert!(known, "{line}");
        }
        assert_eq!(TEXT.lines().filter(|line| line.starts_with("role ")).count(), roles().len());
    }

    #[test]
    fn each_role_answers_for_its_own_strings() {
        let any =
            |patterns: &[String], action: &str| patterns.iter().any(|p| crate::action_matches(p, action));
        for role in roles() {
            let compiled = compiled(role.id).unwrap();
            for (block, plane) in
                role.permissions.iter().flat_map(|b| [(b, Plane::Control), (b, Plane::Data)])
            {
                for pattern in block.on(plane).0.iter().chain(block.on(plane).1) {
                    let action = pattern.replace('*', "Some/thing").to_uppercase();
                    let expected = role.permissions.iter().filter(|b| b.condition.is_none()).any(|b| {
                        let (granted, excluded) = b.on(plane);
                        any(granted, &action) && !any(excluded, &action)
                    });
                    assert_eq!(compiled.grants(&action, plane), expected, "{}: {action}", role.name);
                }
            }
        }
    }

    #[test]
    fn the_roles_that_matter_here() {
        let grants = |id, action| compiled(id).unwrap().grants(action, Plane::Control);
        assert!(grants(OWNER, "Microsoft.Authorization/roleAssignments/write"));
        assert!(!grants(CONTRIBUTOR, "Microsoft.Authorization/roleAssignments/write"));
        assert!(grants(CONTRIBUTOR, "Microsoft.Communication/EmailServices/write"));
        assert!(!grants(READER, "Microsoft.Communication/EmailServices/write"));
        assert!(grants(USER_ACCESS_ADMINISTRATOR, "microsoft.authorization/ROLEASSIGNMENTS/write"));
        assert!(grants(RBAC_ADMINISTRATOR, "Microsoft.Authorization/roleAssignments/delete"));
        assert!(!grants(RBAC_ADMINISTRATOR, "Microsoft.Authorization/roleDefinitions/write"));
        assert!(grants(COMMUNICATION_AND_EMAIL_SERVICE_OWNER, "Microsoft.Communication/EmailServices/Write"));
        assert_eq!(role(OWNER).unwrap().name, "Owner");
        assert_eq!(role(CONTRIBUTOR).unwrap().permissions[0].not_actions.len(), 11);
        assert_eq!(role(id(0xb9331d33_8a36_4f8c_b097_4f54124fdb44)).unwrap().permissions.len(), 1);
    }

    #[test]
    fn conditioned_blocks_are_not_flattened() {
        let role = roles().iter().find(|r| r.name == "Key Vault Data Access Administrator").unwrap();
        assert!(role.permissions.iter().any(|block| block.condition.is_some()));
        let compiled = compiled(role.id).unwrap();
        assert!(!compiled.grants("Microsoft.Authorization/roleAssignments/write", Plane::Control));
        let blocks = roles().iter().flat_map(|role| &role.permissions);
        let conditions = blocks.filter(|block| block.condition.is_some()).count();
        assert_eq!(conditions, 32);
        let odd = roles().iter().find(|r| r.name == "Oracle Database DbSystems Administrator").unwrap();
        assert!(odd.permissions.iter().any(|block| block.condition_version.as_deref() == Some("1.0")));
    }

    #[test]
    fn scopes_other_than_the_root() {
        let narrow = roles().iter().filter(|role| role.assignable_scopes != [Scope::root()]).count();
        assert_eq!(narrow, 4);
    }

    #[test]
    fn actions_named_by_built_in_roles() {
        assert!(names_action("microsoft.communication/emailservices/WRITE", Plane::Control));
        assert!(!names_action("Microsoft.Communication/EmailServices/write", Plane::Data));
        assert!(!names_action("*/read", Plane::Control), "a wildcard is not an action");
        assert!(!names_action("Microsoft.Communication/EmailServices/sing", Plane::Control));
    }
}
