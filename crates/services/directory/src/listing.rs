//! Lists of objects: filtered, searched, ordered, a page at a time.
//!
//! A filter that asks for one value of an indexed property (client id, object id, display name, identifier URI,
//! principal name) reads only the objects that have it; every other filter looks at each object of the kind,
//! some at a time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_access::Caller;
use gatepost_names::{ApplicationId, ObjectId, TenantId};
use gatepost_odata::{Budget, Call as Function, EvaluationError, Filter, Operand, Path};
use gatepost_store::directory::{self as rows, NameRange, ObjectKind, ObjectRow, Page};
use gatepost_store::{Conn, StoreError};
use serde_json::Value;

use crate::{Directory, DirectoryError, objects, schema};

/// Objects that are looked at in one query.
const CHUNK: u32 = 500;

/// In which order objects are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By object id: some order, always the same.
    #[default]
    Any,
    /// By display name.
    Name,
    /// By display name, backwards.
    NameDescending,
}

/// Which objects to list.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// Only those that this holds for.
    pub filter: Option<Filter>,
    /// Only those of which each of these words begins a word of the display name.
    pub search: Option<String>,
    /// In which order.
    pub order: Order,
    /// At most so many.
    pub top: usize,
    /// After the page that answered this ([`Listing::next`]).
    pub after: Option<String>,
    /// Whether to count all of them.
    pub count: bool,
}

/// A page of objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// The objects, as Microsoft Graph shows them.
    pub objects: Vec<Value>,
    /// Names the next page, if there is more.
    pub next: Option<String>,
    /// How many there are in all, where asked.
    pub count: Option<u64>,
}

impl Directory {
    /// A page of the objects of a kind.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`]; [`DirectoryError::InvalidFilter`] for a filter on a property that the kind
    /// lacks; [`DirectoryError::UnsupportedQuery`] for one that takes too many steps;
    /// [`DirectoryError::InvalidPageToken`]; [`DirectoryError::Store`].
    pub fn list(
        &self,
        caller: &Caller,
        kind: ObjectKind,
        request: &ListRequest,
    ) -> Result<Listing, DirectoryError> {
        self.require_reading(caller, kind)?;
        if let Some(filter) = &request.filter {
            check_properties(filter, kind)?;
        }
        let after = request.after.as_deref().map(Mark::parse).transpose()?;
        self.0.store.read(|conn| {
            let (tenant, order, listing) = (caller.tenant, request.order, Listing::default());
            let budget = Budget::per_request();
            let mut search = Search { conn, tenant, kind, request, order, listing, budget };
            search.run(after)?;
            Ok(search.listing)
        })
    }
}

struct Search<'a> {
    conn: &'a Conn<'a>,
    tenant: TenantId,
    kind: ObjectKind,
    request: &'a ListRequest,
    order: Order,
    listing: Listing,
    /// What all the objects together may cost.
    budget: Budget,
}

/// What an index answers of a filter.
enum Candidates {
    /// These objects at most.
    Few(Vec<ObjectRow>),
    /// Objects whose display name is in this range.
    Named(NameRange),
    /// Any object of the kind.
    All,
}

impl Search<'_> {
    fn run(&mut self, after: Option<Mark>) -> Result<(), DirectoryError> {
        let mut total = 0_u64;
        let mut last: Option<Mark> = None;
        let range = match self.candidates()? {
            Candidates::Few(mut found) => {
                self.sort(&mut found);
                for row in found {
                    self.consider(&row, after.as_ref(), &mut last, &mut total)?;
                }
                self.listing.count = self.request.count.then_some(total);
                return Ok(());
            }
            Candidates::Named(range) => {
                // Any order will do: take the one in which the index holds the range together.
                if self.order == Order::Any {
                    self.order = Order::Name;
                }
                Some(range)
            }
            Candidates::All => None,
        };
        // To count all is to begin at the first, whichever page is asked for.
        let mut at = if self.request.count { None } else { after.clone() };
        loop {
            let page = self.page(at.as_ref());
            let chunk = rows::page(self.conn, self.tenant, self.kind, &page, range.as_ref(), CHUNK)?;
            let complete = chunk.len() < CHUNK as usize;
            at = chunk.last().map(Mark::of);
            for row in &chunk {
                self.consider(row, after.as_ref(), &mut last, &mut total)?;
                if self.listing.next.is_some() && !self.request.count {
                    return Ok(());
                }
            }
            if complete {
                self.listing.count = self.request.count.then_some(total);
                return Ok(());
            }
        }
    }

    fn page(&self, at: Option<&Mark>) -> Page {
        let named = at.map(|mark| (mark.name.clone(), mark.id));
        match self.order {
            Order::Any => Page::ById(at.map(|mark| mark.id)),
            Order::Name => Page::ByName(named),
            Order::NameDescending => Page::ByNameDescending(named),
        }
    }

    fn sort(&self, found: &mut [ObjectRow]) {
        found.sort_by_cached_key(|row| self.key(&Mark::of(row)));
        if self.order == Order::NameDescending {
            found.reverse();
        }
    }

    fn key(&self, mark: &Mark) -> (String, ObjectId) {
        let name = if self.order == Order::Any { String::new() } else { mark.name.clone() };
        (name, mark.id)
    }

    /// Whether an object comes after the mark, in the order that is asked for.
    fn is_after(&self, row: &ObjectRow, mark: &Mark) -> bool {
        let (own, marked) = (self.key(&Mark::of(row)), self.key(mark));
        if self.order == Order::NameDescending { own < marked } else { own > marked }
    }

    /// Counts an object that is asked for, and puts it on the page if it belongs there.
    fn consider(
        &mut self,
        row: &ObjectRow,
        after: Option<&Mark>,
        last: &mut Option<Mark>,
        total: &mut u64,
    ) -> Result<(), DirectoryError> {
        if !self.is_wanted(row)? {
            return Ok(());
        }
        *total += 1;
        if after.is_some_and(|mark| !self.is_after(row, mark)) {
            return Ok(());
        }
        if self.listing.objects.len() < self.request.top {
            self.listing.objects.push(objects::entity(self.conn, row)?);
            *last = Some(Mark::of(row));
        } else if self.listing.next.is_none() {
            self.listing.next = last.as_ref().map(Mark::to_string);
        }
        Ok(())
    }

    fn is_wanted(&self, row: &ObjectRow) -> Result<bool, DirectoryError> {
        if let Some(search) = &self.request.search
            && !is_found(&row.display_name, search)
        {
            return Ok(false);
        }
        let Some(filter) = &self.request.filter else { return Ok(true) };
        let document = Value::Object(objects::document(row)?);
        filter.matches(&document, &self.budget).map_err(|error| match error {
            EvaluationError::TooComplex => DirectoryError::UnsupportedQuery(error.to_string()),
            other => DirectoryError::InvalidFilter(other.to_string()),
        })
    }

    fn candidates(&self) -> Result<Candidates, StoreError> {
        let Some(filter) = &self.request.filter else { return Ok(Candidates::All) };
        let mut named = None;
        for part in filter.conjuncts() {
            if let Some((path, text)) = part.text_equality() {
                if path.is(&["id"]) {
                    return self.few(|| match text.parse::<ObjectId>() {
                        Ok(id) => rows::find(self.conn, self.tenant, id),
                        Err(_) => Ok(None),
                    });
                }
                if path.is(&["appId"]) {
                    return self.few(|| self.by_app(text));
                }
                if path.is(&["userPrincipalName"]) {
                    return self.few(|| rows::find_by_login(self.conn, self.tenant, text));
                }
                if path.is(&["displayName"]) {
                    let from = text.to_lowercase();
                    named = Some(NameRange { before: Some(format!("{from}\0")), from });
                }
            } else if let Some((collection, text)) = element_equality(part) {
                if collection.is(&["servicePrincipalNames"]) && text.parse::<ApplicationId>().is_ok() {
                    return self.few(|| self.by_app(text));
                }
                if collection.is(&["identifierUris"]) {
                    return self.few(|| match rows::application_of_uri(self.conn, self.tenant, text)? {
                        Some(id) => rows::find(self.conn, self.tenant, id),
                        None => Ok(None),
                    });
                }
            } else if let Some(prefix) = name_prefix(part) {
                let from = prefix.to_lowercase();
                named = named.or_else(|| Some(NameRange { before: after_prefix(&from), from }));
            }
        }
        Ok(named.map_or(Candidates::All, Candidates::Named))
    }

    fn few(
        &self,
        find: impl FnOnce() -> Result<Option<ObjectRow>, StoreError>,
    ) -> Result<Candidates, StoreError> {
        let found = find()?.filter(|row| row.kind == self.kind);
        Ok(Candidates::Few(Vec::from_iter(found)))
    }

    fn by_app(&self, text: &str) -> Result<Option<ObjectRow>, StoreError> {
        match text.parse::<ApplicationId>() {
            Ok(app_id) => rows::find_by_app(self.conn, self.tenant, self.kind, app_id),
            Err(_) => Ok(None),
        }
    }
}

/// The collection and the text, where a condition is `collection/any(x:x eq 'text')`.
fn element_equality(filter: &Filter) -> Option<(&Path, &str)> {
    let Filter::Any { collection, lambda: Some(lambda) } = filter else { return None };
    let (path, text) = lambda.condition.text_equality()?;
    (path.0.as_slice() == [lambda.variable.as_str()]).then_some((collection, text))
}

/// The text, where a condition is `startswith(displayName,'text')`.
fn name_prefix(filter: &Filter) -> Option<&str> {
    match filter {
        Filter::Call(call) if call.is("startswith") => match call.arguments.as_slice() {
            [Operand::Path(path), Operand::Literal(gatepost_odata::Literal::Text(text))]
                if path.is(&["displayName"]) =>
            {
                Some(text)
            }
            _ => None,
        },
        _ => None,
    }
}

/// The least text that is greater than every text with this prefix; `None` if there is none.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // The successor of U+D7FF is U+E000: the range in between holds no characters.
        if let Some(next) = (u32::from(last) + 1..=0x0010_FFFF).find_map(char::from_u32) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

/// Whether each word of the search begins a word of the name.
fn is_found(name: &str, search: &str) -> bool {
    let name = name.to_lowercase();
    let words = || name.split(|character: char| !character.is_alphanumeric());
    search
        .to_lowercase()
        .split(|character: char| !character.is_alphanumeric())
        .filter(|wanted| !wanted.is_empty())
        .all(|wanted| words().any(|word| word.starts_with(wanted)))
}

/// Refuses a filter on a property that the kind does not have, or with a function that nobody knows. What is
/// wrong with a filter must not depend on which objects there are.
fn check_properties(filter: &Filter, kind: ObjectKind) -> Result<(), DirectoryError> {
    let mut variables = Vec::new();
    let mut names = Vec::new();
    let mut functions = Vec::new();
    filter.walk(&mut |part| {
        let mut operand = |operand: &Operand| collect(operand, &mut names, &mut functions);
        match part {
            Filter::Compare { left, right, .. } => [left, right].into_iter().for_each(&mut operand),
            Filter::In { operand: one, .. } => operand(one),
            Filter::Call(call) => operand(&Operand::Call(call.clone())),
            Filter::Any { collection, lambda } => {
                variables.extend(lambda.iter().map(|lambda| lambda.variable.clone()));
                names.extend(collection.0.first().cloned());
            }
            Filter::All { collection, lambda } => {
                variables.push(lambda.variable.clone());
                names.extend(collection.0.first().cloned());
            }
            Filter::Flag(path) => names.extend(path.0.first().cloned()),
            Filter::And(_) | Filter::Or(_) | Filter::Not(_) => {}
        }
    });
    if let Some(unknown) = functions.iter().find(|function| !function.is_standard()) {
        let unknown = EvaluationError::UnknownFunction(unknown.name.clone());
        return Err(DirectoryError::InvalidFilter(unknown.to_string()));
    }
    let known = |name: &String| variables.contains(name) || schema::property_name(kind, name).is_some();
    match names.iter().find(|name| !known(name)) {
        Some(unknown) => Err(DirectoryError::InvalidFilter(format!(
            "Could not find a property named '{unknown}' on type 'microsoft.graph.{}'.",
            kind.as_str()
        ))),
        None => Ok(()),
    }
}

/// Notes the properties and the functions that an operand uses.
fn collect(operand: &Operand, names: &mut Vec<String>, functions: &mut Vec<Function>) {
    match operand {
        Operand::Path(path) => names.extend(path.0.first().cloned()),
        Operand::Literal(_) => {}
        Operand::Call(call) => {
            functions.push(call.clone());
            call.arguments.iter().for_each(|argument| collect(argument, names, functions));
        }
    }
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    id: ObjectId,
    /// The display name in lower case.
    name: String,
}

impl Mark {
    fn of(row: &ObjectRow) -> Mark {
        Mark { id: row.id, name: row.display_name.to_lowercase() }
    }

    fn parse(text: &str) -> Result<Mark, DirectoryError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| DirectoryError::InvalidPageToken)?;
        let (id, name) = bytes.split_at_checked(16).ok_or(DirectoryError::InvalidPageToken)?;
        let id = ObjectId::from_bytes(id).ok_or(DirectoryError::InvalidPageToken)?;
        let name = String::from_utf8(name.to_vec()).map_err(|_| DirectoryError::InvalidPageToken)?;
        Ok(Mark { id, name })
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = self.id.bytes().to_vec();
        bytes.extend_from_slice(self.name.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_matches_beginnings_of_words() {
        assert!(is_found("Mail Robot 7", "robot"));
        assert!(is_found("mail-robot", "MAIL rob"));
        assert!(!is_found("Mail Robot", "ot"));
    }

    #[test]
    fn the_range_of_a_prefix() {
        assert_eq!(after_prefix("ab"), Some("ac".to_owned()));
        assert_eq!(after_prefix("a\u{10FFFF}"), Some("b".to_owned()));
        assert_eq!(after_prefix("\u{D7FF}"), Some("\u{E000}".to_owned()));
        assert_eq!(after_prefix(""), None);
    }

    #[test]
    fn a_mark_survives_its_text_and_no_text_breaks_it() {
        let mark = Mark { id: ObjectId(uuid::Uuid::new_v4()), name: "größe".to_owned() };
        assert_eq!(Mark::parse(&mark.to_string()).unwrap(), mark);
        for text in ["", "x", "%", "AAAA", &URL_SAFE_NO_PAD.encode([0xff; 20])] {
            assert!(Mark::parse(text).is_err());
        }
    }
}
