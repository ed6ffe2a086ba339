//! `$filter` of the lists of Microsoft.Authorization (reference authorization-arm.md): conditions joined by
//! `and`, each at most once.

use gatepost_access::RoleAssignment;
use gatepost_names::{ObjectId, RoleDefinitionId};
use gatepost_odata::{Call, Filter};
use gatepost_rbac::RoleDefinition;

use super::role_named_by;
use crate::ResourceError;
use crate::listing::invalid;

/// Whose assignments are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// `principalId eq '..'`: of this principal itself.
    Own(ObjectId),
    /// `assignedTo('..')`: of this user or service principal and of each group that it is in, however deep.
    WithGroups(ObjectId),
}

/// `atScope()`, `principalId eq '..'`, `assignedTo('..')`, `roleDefinitionId eq '..'`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AssignmentFilter {
    /// None below the scope.
    pub(super) at_scope: bool,
    pub(super) whose: Option<Whose>,
    pub(super) role: Option<RoleDefinitionId>,
}

/// `atScope()`, `denyAssignmentName eq '..'`, `principalId eq '..'`, `gdprExportPrincipalId eq '..'`,
/// `assignedTo('..')`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DenyFilter {
    /// None below the scope.
    pub(super) at_scope: bool,
    /// In lower case.
    pub(super) name: Option<String>,
    pub(super) whose: Option<Whose>,
    /// All that the server keeps about this principal, and no more than names.
    pub(super) export_of: Option<ObjectId>,
}

/// `roleName eq '..'`, `type eq '..'`, `atScopeAndBelow()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RoleFilter {
    /// In lower case.
    name: Option<String>,
    built_in: Option<bool>,
    /// Also what can be assigned below the scope only.
    pub(super) below: bool,
    /// A type that no role has.
    nothing: bool,
}

/// One condition of a filter.
enum Term<'a> {
    /// `property eq 'text'`
    Equals(&'a str, &'a str),
    /// `function()` or `function('text')`
    Call(&'a Call),
}

/// The filter's conditions, handed to `take` one by one; `take` says whether it knows the condition.
fn each_term(text: Option<&str>, mut take: impl FnMut(Term<'_>) -> bool) -> Result<(), ResourceError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(()) };
    let filter = gatepost_odata::parse(text).map_err(|_| invalid(text))?;
    for part in filter.conjuncts() {
        let known = match (part, part.text_equality()) {
            (_, Some((path, value))) => match path.0.as_slice() {
                [name] => take(Term::Equals(name, value)),
                _ => false,
            },
            (Filter::Call(call), None) => take(Term::Call(call)),
            _ => false,
        };
        if !known {
            return Err(invalid(text));
        }
    }
    Ok(())
}

/// Sets what may be set once; answers whether it was and could be.
fn once<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let free = place.is_none() && value.is_some();
    if free {
        *place = value;
    }
    free
}

fn principal(text: &str) -> Option<ObjectId> {
    text.parse().ok()
}

/// `assignedTo('..')`, and `atScope()` of the filters that have both.
fn at_scope_or_assigned_to(call: &Call, at_scope: &mut bool, whose: &mut Option<Whose>) -> bool {
    if call.is("atScope") && call.arguments.is_empty() {
        *at_scope = true;
        return true;
    }
    call.is("assignedTo") && once(whose, call.text_argument().and_then(principal).map(Whose::WithGroups))
}

impl AssignmentFilter {
    pub(super) fn parse(text: Option<&str>) -> Result<AssignmentFilter, ResourceError> {
        let mut read = AssignmentFilter::default();
        each_term(text, |term| match term {
            Term::Equals(name, id) if name.eq_ignore_ascii_case("principalId") => {
                once(&mut read.whose, principal(id).map(Whose::Own))
            }
            Term::Equals(name, id) if name.eq_ignore_ascii_case("roleDefinitionId") => {
                once(&mut read.role, role_named_by(id))
            }
            Term::Equals(..) => false,
            Term::Call(call) => at_scope_or_assigned_to(call, &mut read.at_scope, &mut read.whose),
        })?;
        Ok(read)
    }
}

impl DenyFilter {
    pub(super) fn parse(text: Option<&str>) -> Result<DenyFilter, ResourceError> {
        let mut read = DenyFilter::default();
        each_term(text, |term| match term {
            Term::Equals(name, value) if name.eq_ignore_ascii_case("denyAssignmentName") => {
                once(&mut read.name, Some(value.to_lowercase()))
            }
            Term::Equals(name, id) if name.eq_ignore_ascii_case("principalId") => {
                once(&mut read.whose, principal(id).map(Whose::Own))
            }
            Term::Equals(name, id) if name.eq_ignore_ascii_case("gdprExportPrincipalId") => {
                once(&mut read.export_of, principal(id))
            }
            Term::Equals(..) => false,
            Term::Call(call) => at_scope_or_assigned_to(call, &mut read.at_scope, &mut read.whose),
        })?;
        Ok(read)
    }
}

impl RoleFilter {
    pub(super) fn parse(text: Option<&str>) -> Result<RoleFilter, ResourceError> {
        let mut read = RoleFilter::default();
        each_term(text, |term| match term {
            Term::Equals(name, value) if name.eq_ignore_ascii_case("roleName") => {
                once(&mut read.name, Some(value.to_lowercase()))
            }
            Term::Equals(name, value) if name.eq_ignore_ascii_case("type") => {
                let is_built_in = value.eq_ignore_ascii_case("BuiltInRole");
                read.nothing |= !is_built_in && !value.eq_ignore_ascii_case("CustomRole");
                once(&mut read.built_in, Some(is_built_in))
            }
            Term::Call(call) if call.is("atScopeAndBelow") && call.arguments.is_empty() => {
                read.below = true;
                true
            }
            Term::Equals(..) | Term::Call(_) => false,
        })?;
        Ok(read)
    }

    pub(super) fn matches(&self, role: &RoleDefinition) -> bool {
        !self.nothing
            && self.built_in.is_none_or(|built_in| built_in == role.built_in)
            && self.name.as_ref().is_none_or(|name| *name == role.name.to_lowercase())
    }
}

/// Whether an assignment of a whole list is wanted, where the store has not chosen already.
impl AssignmentFilter {
    pub(super) fn wants_role(&self, assignment: &RoleAssignment) -> bool {
        self.role.is_none_or(|role| role == assignment.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";

    #[test]
    fn assignment_filters_of_the_clients_and_their_combinations() {
        let parse = |text: &str| AssignmentFilter::parse(Some(text));
        let id: ObjectId = ID.parse().unwrap();
        let none = AssignmentFilter::default();
        assert_eq!(AssignmentFilter::parse(None).unwrap(), none);
        for (text, expected) in [
            ("".to_owned(), none),
            ("atScope()".to_owned(), AssignmentFilter { at_scope: true, ..none }),
            ("ATSCOPE( )".to_owned(), AssignmentFilter { at_scope: true, ..none }),
            (format!("principalId eq '{ID}'"), AssignmentFilter { whose: Some(Whose::Own(id)), ..none }),
            (format!("principalid eq {ID}"), AssignmentFilter { whose: Some(Whose::Own(id)), ..none }),
            (format!("assignedTo('{ID}')"), AssignmentFilter { whose: Some(Whose::WithGroups(id)), ..none }),
            (
                format!("atScope() and assignedTo('{ID}')"),
                AssignmentFilter { at_scope: true, whose: Some(Whose::WithGroups(id)), role: None },
            ),
            (
                format!("roleDefinitionId eq '/x/providers/Microsoft.Authorization/roleDefinitions/{ID}'"),
                AssignmentFilter { role: Some(RoleDefinitionId(id.0)), ..none },
            ),
            (
                format!("roleDefinitionId eq '{ID}' and principalId eq '{ID}' and atScope()"),
                AssignmentFilter {
                    at_scope: true,
                    whose: Some(Whose::Own(id)),
                    role: Some(RoleDefinitionId(id.0)),
                },
            ),
        ] {
            assert_eq!(parse(&text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn assignment_filters_that_are_none() {
        for wrong in [
            "x".to_owned(),
            "principalId eq 'x'".to_owned(),
            "assignedTo()".to_owned(),
            "assignedTo('x')".to_owned(),
            "atScope('x')".to_owned(),
            "atScope() or atScope()".to_owned(),
            "not atScope()".to_owned(),
            "name eq 'x'".to_owned(),
            format!("principalId ne '{ID}'"),
            format!("principalId eq '{ID}' and assignedTo('{ID}')"),
            format!("principalId eq '{ID}' and principalId eq '{ID}'"),
            format!("roleDefinitionId eq '{ID}' and roleDefinitionId eq '{ID}'"),
            format!("properties/principalId eq '{ID}'"),
            "(".repeat(10_000),
        ] {
            assert!(AssignmentFilter::parse(Some(&wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn deny_filters_of_the_clients_and_those_that_are_none() {
        let id: ObjectId = ID.parse().unwrap();
        let parse = |text: &str| DenyFilter::parse(Some(text));
        let none = DenyFilter::default();
        assert_eq!(parse(" ").unwrap(), none);
        assert_eq!(
            parse("atScope() and denyAssignmentName eq 'Keep Out'").unwrap(),
            DenyFilter { at_scope: true, name: Some("keep out".into()), ..none.clone() }
        );
        assert_eq!(
            parse(&format!("gdprExportPrincipalId eq '{ID}'")).unwrap(),
            DenyFilter { export_of: Some(id), ..none.clone() }
        );
        assert_eq!(
            parse(&format!("assignedTo('{ID}')")).unwrap(),
            DenyFilter { whose: Some(Whose::WithGroups(id)), ..none.clone() }
        );
        assert_eq!(
            parse(&format!("principalId eq '{ID}'")).unwrap(),
            DenyFilter { whose: Some(Whose::Own(id)), ..none }
        );
        for wrong in ["denyAssignmentName ne 'x'", "principalId eq 'x'", "description eq 'x'", "f()"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn role_filters_of_the_clients_and_those_that_are_none() {
        let parse = |text: &str| RoleFilter::parse(Some(text));
        let read = parse("atScopeAndBelow() and type eq 'CustomRole' and roleName eq 'X Y'").unwrap();
        assert_eq!(
            read,
            RoleFilter { name: Some("x y".into()), built_in: Some(false), below: true, nothing: false }
        );
        assert!(parse("type eq 'NoRole'").unwrap().nothing);
        for wrong in ["roleName ne 'x'", "type eq 3", "atScope()", "type eq 'a' and type eq 'b'", "x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
