//! Scopes: places in the resource tree (`reference/rbac.md` section 1).
//!
//! A scope is `/`, a management group, a subscription, a resource group, or a resource at any depth. It keeps
//! the letter case in which it was written and compares without it. `rg1` is never an ancestor of `rg10`:
//! ancestry goes by whole segments.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::SubscriptionId;

/// Most segments that a scope may have: a subscription, a resource group and a resource fourteen types deep.
const MAX_SEGMENTS: usize = 36;
/// Most bytes that a scope may have.
const MAX_BYTES: usize = 2048;

/// A place in the resource tree. Equality, order and hash ignore letter case.
#[derive(Clone)]
pub struct Scope {
    /// As written, without a trailing slash; `/` for the tenant root.
    text: Box<str>,
    /// `text` in lower case: what is compared and indexed.
    key: Box<str>,
    kind: ScopeKind,
}

/// What a scope names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// `/`
    TenantRoot,
    /// `/providers/Microsoft.Management/managementGroups/{name}`
    ManagementGroup,
    /// `/providers/{namespace}[/...]` other than a management group: roles of a few services use these.
    TenantProvider,
    /// `/subscriptions/{guid}`
    Subscription,
    /// `/subscriptions/{guid}/resourceGroups/{name}`
    ResourceGroup,
    /// A resource, in a resource group or directly in a subscription.
    Resource,
}

/// Why a text is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It does not begin with a slash.
    #[error("a scope begins with `/`")]
    NotAbsolute,
    /// Two slashes in a row, or a segment that is `.` or `..`.
    #[error("a scope has no empty, `.` or `..` segments")]
    BadSegment,
    /// A character that no name may have.
    #[error("a scope has no control characters, and none of `%`, `?`, `#`, `\\`")]
    BadCharacter,
    /// `/subscriptions/` is not followed by a GUID.
    #[error("a subscription is named by its GUID")]
    BadSubscription,
    /// The segments do not alternate between types and names as the tree requires.
    #[error("the segments are not a tenant, management group, subscription, resource group or resource")]
    BadShape,
    /// Too many segments or bytes.
    #[error("a scope has at most {MAX_SEGMENTS} segments and {MAX_BYTES} bytes")]
    TooLong,
}

impl Scope {
    /// The tenant root, `/`.
    pub fn root() -> Scope {
        Scope { text: "/".into(), key: "/".into(), kind: ScopeKind::TenantRoot }
    }

    /// The scope of a subscription.
    pub fn subscription(id: SubscriptionId) -> Scope {
        let text = format!("/subscriptions/{id}");
        Scope { key: text.as_str().into(), text: text.into(), kind: ScopeKind::Subscription }
    }

    /// Reads a scope. One trailing slash is tolerated.
    ///
    /// # Errors
    /// [`ScopeError`] names the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Scope, ScopeError> {
        let Some(rest) = text.strip_prefix('/') else { return Err(ScopeError::NotAbsolute) };
        if text.len() > MAX_BYTES {
            return Err(ScopeError::TooLong);
        }
        let rest = match rest.strip_suffix('/') {
            Some("") => return Err(ScopeError::BadSegment),
            Some(shorter) => shorter,
            None => rest,
        };
        if rest.is_empty() {
            return Ok(Scope::root());
        }
        if rest.chars().any(|c| c.is_control() || matches!(c, '%' | '?' | '#' | '\\')) {
            return Err(ScopeError::BadCharacter);
        }
        let segments: Vec<&str> = rest.split('/').collect();
        if segments.len() > MAX_SEGMENTS {
            return Err(ScopeError::TooLong);
        }
        if segments.iter().any(|s| matches!(*s, "" | "." | "..")) {
            return Err(ScopeError::BadSegment);
        }
        let kind = kind_of(&segments)?;
        let text = format!("/{rest}");
        Ok(Scope { key: text.to_lowercase().into(), text: text.into(), kind })
    }

    /// What this scope names.
    pub fn kind(&self) -> ScopeKind {
        self.kind
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// In lower case: equal exactly for equal scopes, so fit to be a key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The subscription in which this scope lies, if it lies in one.
    pub fn subscription_id(&self) -> Option<SubscriptionId> {
        let mut segments = self.segments();
        match segments.next() {
            Some(first) if first.eq_ignore_ascii_case("subscriptions") => segments.next()?.parse().ok(),
            _ => None,
        }
    }

    /// The resource group in which this scope lies, if it lies in one.
    pub fn resource_group(&self) -> Option<&str> {
        let mut segments = self.segments().skip(2);
        match segments.next() {
            Some(third) if third.eq_ignore_ascii_case("resourceGroups") => segments.next(),
            _ => None,
        }
    }

    /// The scope that contains this one directly, by the text alone; `None` for `/`. A subscription's and a
    /// management group's textual parent is `/`: which management group holds them is not in the text.
    pub fn parent(&self) -> Option<Scope> {
        let cut = match self.kind {
            ScopeKind::TenantRoot => return None,
            ScopeKind::ManagementGroup | ScopeKind::TenantProvider | ScopeKind::Subscription => 0,
            ScopeKind::ResourceGroup => nth_slash_from_end(&self.text, 2),
            ScopeKind::Resource => resource_parent_end(&self.text),
        };
        let text = self.text.get(..cut).unwrap_or("");
        // INVARIANT: every prefix that is cut off here is a scope again, by the rules of `kind_of`.
        Some(Scope::parse(if text.is_empty() { "/" } else { text }).unwrap_or_else(|_| Scope::root()))
    }

    /// This scope and each one above it by the text, nearest first, ending with `/`.
    pub fn self_and_ancestors(&self) -> impl Iterator<Item = Scope> {
        std::iter::successors(Some(self.clone()), Scope::parent)
    }

    /// Whether `other` is this scope or lies below it, by whole segments and ignoring letter case.
    pub fn contains(&self, other: &Scope) -> bool {
        if self.kind == ScopeKind::TenantRoot {
            return true;
        }
        match other.key.strip_prefix(&*self.key) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }

    /// The segments between the slashes; none for `/`.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.text.split('/').filter(|s| !s.is_empty())
    }

    /// The scope one level further down: `{self}/{rest}`.
    ///
    /// # Errors
    /// As [`Scope::parse`].
    pub fn join(&self, rest: &str) -> Result<Scope, ScopeError> {
        let base = if self.kind == ScopeKind::TenantRoot { "" } else { &*self.text };
        Scope::parse(&format!("{base}/{rest}"))
    }

    /// The resource that this scope names, when it is one.
    pub fn resource(&self) -> Option<ResourceId> {
        ResourceId::from_scope(self.clone())
    }
}

fn kind_of(segments: &[&str]) -> Result<ScopeKind, ScopeError> {
    let is = |n: usize, word: &str| segments.get(n).is_some_and(|s| s.eq_ignore_ascii_case(word));
    if is(0, "providers") {
        if is(1, "Microsoft.Management") && is(2, "managementGroups") && segments.len() == 4 {
            return Ok(ScopeKind::ManagementGroup);
        }
        return if segments.len() >= 2 { Ok(ScopeKind::TenantProvider) } else { Err(ScopeError::BadShape) };
    }
    if !is(0, "subscriptions") {
        return Err(ScopeError::BadShape);
    }
    let id = segments.get(1).ok_or(ScopeError::BadShape)?;
    // INVARIANT: the dashed spelling alone, so that one subscription has one key.
    if id.len() != 36 || id.parse::<SubscriptionId>().is_err() {
        return Err(ScopeError::BadSubscription);
    }
    let below = match segments.len() {
        2 => return Ok(ScopeKind::Subscription),
        4 if is(2, "resourceGroups") => return Ok(ScopeKind::ResourceGroup),
        _ if is(2, "resourceGroups") => segments.get(4..).unwrap_or(&[]),
        _ => segments.get(2..).unwrap_or(&[]),
    };
    last_provider(segments.len() - below.len(), below)?;
    Ok(ScopeKind::Resource)
}

/// Reads one or more of `providers/{namespace}/{type}/{name}[/{type}/{name}]...` and answers at which segment
/// the last of them begins, counting from `first`. A name may be `providers`; a type may not.
fn last_provider(first: usize, below: &[&str]) -> Result<usize, ScopeError> {
    let (mut at, mut rest) = (first, below);
    loop {
        if !rest.first().is_some_and(|s| s.eq_ignore_ascii_case("providers")) {
            return Err(ScopeError::BadShape);
        }
        let body = rest.get(2..).unwrap_or(&[]);
        let next = body.iter().step_by(2).position(|s| s.eq_ignore_ascii_case("providers"));
        let taken = next.map_or(body.len(), |pairs| pairs * 2);
        if taken < 2 || taken % 2 != 0 {
            return Err(ScopeError::BadShape);
        }
        rest = body.get(taken..).unwrap_or(&[]);
        if rest.is_empty() {
            return Ok(at);
        }
        at += 2 + taken;
    }
}

fn nth_slash_from_end(text: &str, n: usize) -> usize {
    text.rmatch_indices('/').nth(n.saturating_sub(1)).map_or(0, |(at, _)| at)
}

/// Where the parent of a resource ends: a child type's parent is two segments shorter, a top-level resource's
/// (`.../providers/ns/type/name`) is four segments shorter.
fn resource_parent_end(text: &str) -> usize {
    let segments: Vec<&str> = text.split('/').skip(1).collect();
    let in_group = segments.get(2).is_some_and(|s| s.eq_ignore_ascii_case("resourceGroups"));
    let first = if in_group { 4 } else { 2 };
    let last = segments.get(first..).and_then(|below| last_provider(first, below).ok()).unwrap_or(first);
    nth_slash_from_end(text, if segments.len() - last == 4 { 4 } else { 2 })
}

impl PartialEq for Scope {
    fn eq(&self, other: &Scope) -> bool {
        self.key == other.key
    }
}

impl Eq for Scope {}

impl PartialOrd for Scope {
    fn partial_cmp(&self, other: &Scope) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scope {
    fn cmp(&self, other: &Scope) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for Scope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Scope, ScopeError> {
        Scope::parse(text)
    }
}

/// A scope that names a resource, with its namespace, types and names apart.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ResourceId {
    scope: Scope,
    /// Where in the text `/providers/{namespace}/...` of the resource itself begins (the last one).
    provider_at: usize,
}

impl ResourceId {
    /// The resource that `scope` names; `None` if it is not a resource's.
    pub fn from_scope(scope: Scope) -> Option<ResourceId> {
        if scope.kind != ScopeKind::Resource {
            return None;
        }
        let segments: Vec<&str> = scope.segments().collect();
        let first = if scope.resource_group().is_some() { 4 } else { 2 };
        let last = last_provider(first, segments.get(first..)?).ok()?;
        let provider_at = segments.iter().take(last).map(|s| s.len() + 1).sum();
        Some(ResourceId { scope, provider_at })
    }

    /// Reads a resource id.
    ///
    /// # Errors
    /// As [`Scope::parse`]; [`ScopeError::BadShape`] for a scope that is not a resource's.
    pub fn parse(text: &str) -> Result<ResourceId, ScopeError> {
        ResourceId::from_scope(Scope::parse(text)?).ok_or(ScopeError::BadShape)
    }

    /// The same place as a scope.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        self.scope.as_str()
    }

    fn tail(&self) -> impl Iterator<Item = &str> {
        self.scope.text.get(self.provider_at..).unwrap_or("").split('/').skip(2)
    }

    /// The provider's namespace: `Microsoft.Communication`.
    pub fn namespace(&self) -> &str {
        self.tail().next().unwrap_or("")
    }

    /// The full type with its namespace, in the case of the id: `Microsoft.Communication/emailServices/domains`.
    pub fn resource_type(&self) -> String {
        let mut full = self.namespace().to_owned();
        for part in self.tail().skip(1).step_by(2) {
            full.push('/');
            full.push_str(part);
        }
        full
    }

    /// The resource's own name: the last segment.
    pub fn name(&self) -> &str {
        self.tail().last().unwrap_or("")
    }

    /// The names of the resource and its parents, outermost first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tail().skip(2).step_by(2)
    }

    /// The resource that this one is a child of; `None` for a top-level resource.
    pub fn parent_resource(&self) -> Option<ResourceId> {
        if self.tail().count() <= 3 {
            return None;
        }
        self.scope.parent().and_then(ResourceId::from_scope)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.scope, f)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.scope, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";

    fn scope(rest: &str) -> Scope {
        Scope::parse(&format!("{SUB}{rest}")).unwrap()
    }

    #[test]
    fn each_kind_is_told_apart() {
        assert_eq!(Scope::parse("/").unwrap().kind(), ScopeKind::TenantRoot);
        assert_eq!(
            Scope::parse("/providers/microsoft.management/managementgroups/x").unwrap().kind(),
            ScopeKind::ManagementGroup
        );
        assert_eq!(Scope::parse("/providers/Microsoft.Capacity").unwrap().kind(), ScopeKind::TenantProvider);
        assert_eq!(scope("").kind(), ScopeKind::Subscription);
        assert_eq!(scope("/resourceGroups/rg").kind(), ScopeKind::ResourceGroup);
        assert_eq!(scope("/resourcegroups/rg/providers/A.B/c/d").kind(), ScopeKind::Resource);
        assert_eq!(scope("/providers/A.B/c/d").kind(), ScopeKind::Resource);
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for (text, error) in [
            ("", ScopeError::NotAbsolute),
            ("subscriptions", ScopeError::NotAbsolute),
            ("/subscriptions", ScopeError::BadShape),
            ("/subscriptions/x", ScopeError::BadSubscription),
            ("/subscriptions/6b0d2a1e4f1c4b0a9a530c7e8a4f2d11", ScopeError::BadSubscription),
            ("//", ScopeError::BadSegment),
            ("/tenants/x", ScopeError::BadShape),
            ("/providers", ScopeError::BadShape),
        ] {
            assert_eq!(Scope::parse(text).map(|s| s.kind()), Err(error), "{text}");
        }
        for rest in ["/resourceGroups", "/resourceGroups/rg/x", "/resourceGroups/rg/providers/A/b", "/x/y"] {
            assert_eq!(Scope::parse(&format!("{SUB}{rest}")), Err(ScopeError::BadShape), "{rest}");
        }
        for rest in ["/resourceGroups/../x", "/resourceGroups//x", "/resourceGroups/./x"] {
            assert_eq!(Scope::parse(&format!("{SUB}{rest}")), Err(ScopeError::BadSegment), "{rest}");
        }
        assert_eq!(Scope::parse(&format!("{SUB}/resourceGroups/a%2e")), Err(ScopeError::BadCharacter));
        assert_eq!(Scope::parse(&format!("/{}", "a/".repeat(50))), Err(ScopeError::TooLong));
    }

    #[test]
    fn ancestry_goes_by_whole_segments() {
        assert!(scope("/resourceGroups/RG1").contains(&scope("/resourcegroups/rg1/providers/a.b/c/d")));
        assert!(!scope("/resourceGroups/rg1").contains(&scope("/resourceGroups/rg10")));
        assert!(Scope::root().contains(&scope("")));
        assert!(!scope("/resourceGroups/rg1").contains(&scope("")));
    }

    #[test]
    fn parents_of_a_child_resource() {
        let child = scope("/resourceGroups/rg/providers/Microsoft.Communication/emailServices/e/domains/d");
        let above: Vec<String> = child.self_and_ancestors().map(|s| s.to_string()).collect();
        assert_eq!(
            above,
            [
                format!(
                    "{SUB}/resourceGroups/rg/providers/Microsoft.Communication/emailServices/e/domains/d"
                ),
                format!("{SUB}/resourceGroups/rg/providers/Microsoft.Communication/emailServices/e"),
                format!("{SUB}/resourceGroups/rg"),
                SUB.to_owned(),
                "/".to_owned(),
            ]
        );
    }

    #[test]
    fn a_resource_id_knows_its_parts() {
        let id = scope("/resourceGroups/rg/providers/Microsoft.Communication/emailServices/e/domains/d")
            .resource()
            .unwrap();
        assert_eq!(id.namespace(), "Microsoft.Communication");
        assert_eq!(id.resource_type(), "Microsoft.Communication/emailServices/domains");
        assert_eq!(id.name(), "d");
        assert_eq!(id.names().collect::<Vec<_>>(), ["e", "d"]);
        assert_eq!(id.parent_resource().unwrap().name(), "e");
        assert!(id.parent_resource().unwrap().parent_resource().is_none());
    }

    #[test]
    fn a_resource_may_be_named_providers() {
        let id = scope("/resourceGroups/rg/providers/A.B/c/providers/d/e").resource().unwrap();
        assert_eq!(id.resource_type(), "A.B/c/d");
        assert_eq!(id.parent_resource().unwrap().name(), "providers");
        assert_eq!(id.parent_resource().unwrap().scope().parent().unwrap(), scope("/resourceGroups/rg"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_round_trips(text in "\\PC{0,80}") {
            if let Ok(scope) = Scope::parse(&text) {
                let again = Scope::parse(scope.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), scope.as_str());
            }
        }

        #[test]
        fn every_ancestor_contains_its_descendants(
            names in prop::collection::vec("[a-zA-Z0-9._-]{1,8}", 1..5).prop_filter("dots", |n| n.iter().all(|n| n != "." && n != ".."))
        ) {
            let mut text = format!("{SUB}/resourceGroups/{}", names[0]);
            if names.len() > 1 {
                text.push_str("/providers/A.B");
                for name in &names[1..] { text.push_str(&format!("/t/{name}")); }
            }
            let scope = Scope::parse(&text).unwrap();
            for above in scope.self_and_ancestors() {
                prop_assert!(above.contains(&scope));
                prop_assert_eq!(scope.contains(&above), above == scope);
            }
        }
    }
}
