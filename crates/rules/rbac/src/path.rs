//! A scope and everything above it, as marks: the places where an assignment applies to it (reference rbac.md
//! section 1).

use gatepost_names::{Scope, ScopeKind};

use crate::hierarchy::{Hierarchies, Level};
use crate::index::{Home, Homes, Mark, Seed, last_word};

/// Most places: the slashes of the longest scope, the management groups and the tenant root.
const MOST: usize = 48;
const SUBSCRIPTIONS: &str = "/subscriptions/";
/// `/subscriptions/` and a GUID take 51 bytes; so many words lie within. They begin two segments.
const GUID_WORDS: usize = 6;
const GROUPS: &str = "/providers/microsoft.management/managementgroups/";
const SLASHES: u64 = 0x2f2f_2f2f_2f2f_2f2f;
const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// The marks of a scope and of all above it. Made by one walk over the scope's text; nothing is allocated.
pub(crate) struct Path<'a> {
    key: &'a str,
    marks: [Mark; MOST],
    /// Where in the key the scopes end whose marks come first, the outermost before the others.
    ends: [u16; MOST],
    /// How many of the marks are those of the scope's own text; those of `levels` follow, then the root's.
    texts: usize,
    levels: &'a [Level],
    length: usize,
    /// How many of the marks, the first ones, lie in a subscription.
    inside: usize,
    /// Where these places are.
    homes: Homes,
}

impl<'a> Path<'a> {
    /// A path that is not walked yet.
    #[inline]
    pub(crate) fn of(scope: &'a Scope) -> Path<'a> {
        let key = if scope.kind() == ScopeKind::TenantRoot { "" } else { scope.key() };
        let homes = Homes::default();
        Path {
            key,
            marks: [Mark(0); MOST],
            ends: [0; MOST],
            texts: 0,
            levels: &[],
            length: 0,
            inside: 0,
            homes,
        }
    }

    /// As [`Path::of`] and [`Path::take`].
    pub(crate) fn new(scope: &'a Scope, hierarchies: &'a Hierarchies) -> Option<Path<'a>> {
        let mut path = Path::of(scope);
        path.take(hierarchies)?;
        Some(path)
    }

    /// Walks the path. Nothing if there are more places than there is room for; no [`Scope`] has as many.
    pub(crate) fn take(&mut self, hierarchies: &'a Hierarchies) -> Option<()> {
        let (seed, key) = (hierarchies.seed(), self.key);
        if key.starts_with(SUBSCRIPTIONS) {
            // Scopes in a subscription have an even number of segments.
            self.walk(
                seed,
                |segments| segments % 2 == 0 && segments != 0,
                |segments, hash, end| match segments {
                    2 => hierarchies.above_subscription(hash, key.get(..end)?),
                    _ => None,
                },
            )?;
            self.inside = self.texts;
        } else if key.starts_with(GROUPS) {
            self.walk(
                seed,
                |segments| segments > 3,
                |segments, hash, end| match segments {
                    4 => hierarchies.above_group(hash, key.get(..end)?),
                    _ => None,
                },
            )?;
        } else {
            self.walk(seed, |segments| segments > 1, |_, _, _| None)?;
        }
        for level in self.levels {
            self.push(level.mark, 0)?;
        }
        self.push(hierarchies.root(), 0)?;
        let (inside, outside) = self.marks.get(..self.length)?.split_at_checked(self.inside)?;
        // All that lies in a subscription has its home.
        if let Some(subscription) = inside.first() {
            self.homes.add(Home::inside(*subscription));
        }
        for mark in outside {
            self.homes.add(Home::outside(*mark));
        }
        Some(())
    }

    pub(crate) fn marks(&self) -> &[Mark] {
        self.marks.get(..self.length).unwrap_or(&[])
    }

    /// Whether somebody who has something at these homes may have something on the path: in its subscription,
    /// and outside of any.
    #[inline]
    pub(crate) fn meets(&self, homes: &Homes) -> (bool, bool) {
        homes.meet(&self.homes)
    }

    /// The marks that somebody may have who has something at these homes, and the place of the first.
    #[inline]
    pub(crate) fn marks_met_by(&self, homes: &Homes) -> (usize, &[Mark]) {
        let (inside, outside) = self.meets(homes);
        self.marks_met(inside, outside)
    }

    /// The marks that are met where [`Path::meets`] says so, and the place of the first.
    #[inline]
    pub(crate) fn marks_met(&self, inside: bool, outside: bool) -> (usize, &[Mark]) {
        let first = if inside { 0 } else { self.inside };
        let end = if outside { self.length } else { self.inside };
        (first, self.marks.get(first..end).unwrap_or(&[]))
    }

    /// Whether `scope` is the one that the mark at this place stands for.
    pub(crate) fn is_at(&self, place: usize, scope: &Scope) -> bool {
        if place < self.texts {
            let end = self.ends.get(place).map_or(0, |end| usize::from(*end));
            return self.key.as_bytes().get(..end) == Some(scope.key().as_bytes());
        }
        match self.levels.get(place - self.texts) {
            Some(level) => level.scope.as_ref() == scope,
            None => scope.kind() == ScopeKind::TenantRoot,
        }
    }

    /// The scope of which this is the path, and those above it by its text, nearest first.
    pub(crate) fn scopes(&self, scope: &Scope) -> Vec<Scope> {
        if scope.kind() == ScopeKind::TenantRoot {
            return Vec::new();
        }
        let cuts = scope.as_str().rmatch_indices('/').filter_map(|(at, _)| scope.as_str().get(..at));
        let above = cuts.filter_map(|text| Scope::parse(text).ok());
        // Prefixes of the text that are scopes and are not on the path are none of its ancestors.
        let on_path = |other: &Scope| (0..self.texts).any(|place| self.is_at(place, other));
        std::iter::once(scope.clone()).chain(above.filter(on_path)).collect()
    }

    /// The management groups above it, nearest first.
    pub(crate) fn levels(&self) -> &'a [Level] {
        self.levels
    }

    fn push(&mut self, mark: Mark, end: usize) -> Option<()> {
        let at = self.length;
        *self.marks.get_mut(at)? = mark;
        *self.ends.get_mut(at)? = end as u16;
        self.length = at.wrapping_add(1);
        Some(())
    }

    /// Hashes the key, eight bytes at a time, and takes the mark of the whole and of each prefix that ends
    /// before a slash and has a number of segments with which it may be a scope. `above` is asked for the
    /// management groups above each of them.
    fn walk(
        &mut self,
        seed: Seed,
        is_scope: impl Fn(usize) -> bool,
        above: impl Fn(usize, u64, usize) -> Option<&'a [Level]>,
    ) -> Option<()> {
        let key = self.key;
        let take = |path: &mut Path<'a>, segments: usize, hash: u64, end: usize| {
            if let Some(levels) = above(segments, hash, end) {
                path.levels = levels;
            }
            path.push(Mark::of(hash), end)
        };
        let (words, rest) = key.as_bytes().as_chunks::<8>();
        let (mut state, mut offset, mut segments) = (seed.start(), 0, 0_usize);
        // In a subscription's name there is nothing to look for.
        let (known, words) = match words.split_at_checked(GUID_WORDS) {
            Some(split) if key.starts_with(SUBSCRIPTIONS) => split,
            _ => (&[] as &[[u8; 8]], words),
        };
        if !known.is_empty() {
            state = known.iter().fold(state, |state, word| seed.step(state, u64::from_le_bytes(*word)));
            (offset, segments) = (known.len() * 8, 2);
        }
        let (mut words, last) = (words.iter(), last_word(rest));
        loop {
            let next = words.next().map(|word| u64::from_le_bytes(*word));
            let word = next.unwrap_or(last);
            let mut slashes = slashes_in(word);
            while slashes != 0 {
                let bit = slashes.trailing_zeros() & !7;
                if is_scope(segments) {
                    let end = offset.wrapping_add(bit as usize / 8);
                    let hash = seed.finish(state, word & ((1 << bit) - 1), end);
                    take(self, segments, hash, end)?;
                }
                segments = segments.wrapping_add(1);
                slashes &= slashes - 1;
            }
            if next.is_none() {
                break;
            }
            state = seed.step(state, word);
            offset = offset.wrapping_add(8);
        }
        if !key.is_empty() {
            take(self, segments, seed.finish(state, last, key.len()), key.len())?;
        }
        self.texts = self.length;
        Some(())
    }
}

/// The highest bit of each byte that is a slash.
#[inline]
pub(crate) fn slashes_in(word: u64) -> u64 {
    let other = word ^ SLASHES;
    // No byte carries into the next: what is left is exactly the bytes that are zero.
    !(((other & LOW_BITS).wrapping_add(LOW_BITS)) | other | LOW_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SUB: &str = "/subscriptions/6b0d2a1e-4f1c-4b0a-9a53-0c7e8a4f2d11";

    fn above(scope: &str) -> Vec<String> {
        let hierarchies = Hierarchies::new(Seed::new(9));
        let scope = Scope::parse(scope).unwrap();
        let path = Path::new(&scope, &hierarchies).unwrap();
        let scopes = path.scopes(&scope);
        for scope in &scopes {
            let mark = Mark::of(Seed::new(9).text(scope.key().as_bytes()));
            let place = path.marks().iter().position(|other| *other == mark).unwrap();
            assert!(path.is_at(place, scope));
        }
        assert!(path.marks().ends_with(&[hierarchies.root()]));
        scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
    }

    #[test]
    fn what_lies_above_by_the_text() {
        let rg = format!("{SUB}/resourceGroups/rg10");
        let resource = format!("{rg}/providers/A.B/c/.d");
        let child = format!("{resource}/e/f");
        let extension = format!("{child}/providers/G.H/i/j");
        assert_eq!(above(&extension), [&extension, &child, &resource, &rg, SUB]);
        assert!(above("/").is_empty());
        let group = "/providers/Microsoft.Management/managementGroups/m";
        assert_eq!(above(group), [group]);
        let capacity = "/providers/Microsoft.Capacity/reservationOrders/x";
        assert_eq!(
            above(capacity),
            [capacity, "/providers/Microsoft.Capacity/reservationOrders", "/providers/Microsoft.Capacity"]
        );
    }

    proptest! {
        #[test]
        fn any_scope_has_a_path(names in prop::collection::vec("[a-zA-Z0-9._\u{130}\u{df}-]{1,12}", 1..16)) {
            let mut text = format!("{SUB}/resourceGroups/{}", names[0]);
            if names.len() > 1 {
                text.push_str("/providers/A.B");
                for name in &names[1..] { text.push_str(&format!("/t/{name}")); }
            }
            if let Ok(scope) = Scope::parse(&text) {
                let expected: Vec<String> = scope.self_and_ancestors().map(|s| s.to_string()).collect();
                let mut found = above(&text);
                found.push("/".to_owned());
                prop_assert_eq!(found, expected);
            }
        }

        #[test]
        fn slashes_are_found(bytes in prop::array::uniform8(prop::sample::select(vec![b'/', b'.', b'0', 0, 0xaf, 0xff]))) {
            let found = slashes_in(u64::from_le_bytes(bytes)).to_le_bytes();
            for (byte, bit) in bytes.iter().zip(found) {
                prop_assert_eq!(bit, if *byte == b'/' { 0x80 } else { 0 });
            }
        }
    }
}
