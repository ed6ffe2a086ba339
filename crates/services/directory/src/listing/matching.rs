//! Whether an object is one that a list asks for.

use gatepost_odata::{Budget, Call as Function, EvaluationError, Filter, Operand, Search, Term};
use gatepost_store::directory::{ObjectKind, ObjectRow, words_of};
use serde_json::Value;

use crate::{DirectoryError, objects, schema};

/// What objects must be.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) filter: Option<&'a Filter>,
    pub(crate) search: Option<&'a Search>,
    /// What all the objects together may cost.
    pub(crate) budget: &'a Budget,
}

impl Wanted<'_> {
    /// Whether every object is wanted.
    pub(crate) fn is_everything(&self) -> bool {
        self.filter.is_none() && self.search.is_none()
    }

    /// Whether an object is wanted.
    ///
    /// # Errors
    /// [`DirectoryError::UnsupportedQuery`] once the budget is spent, [`DirectoryError::InvalidFilter`].
    pub(crate) fn is(&self, row: &ObjectRow) -> Result<bool, DirectoryError> {
        if self.is_everything() {
            return Ok(true);
        }
        let kept = objects::kept(row)?;
        let counts = self.filter.is_some_and(counts_elements);
        let document = Value::Object(if counts { schema::complete(row.kind, kept) } else { kept });
        if let Some(search) = self.search
            && !is_found(&document, search, self.budget)?
        {
            return Ok(false);
        }
        match self.filter {
            Some(filter) => filter.matches(&document, self.budget).map_err(refused),
            None => Ok(true),
        }
    }
}

fn refused(error: EvaluationError) -> DirectoryError {
    match error {
        EvaluationError::TooComplex => DirectoryError::UnsupportedQuery(error.to_string()),
        other => DirectoryError::InvalidFilter(other.to_string()),
    }
}

/// Whether a filter asks how long a list is: then a list that was not kept matters.
fn counts_elements(filter: &Filter) -> bool {
    let mut counts = false;
    filter.walk(&mut |part| {
        counts |= matches!(part, Filter::Compare { left: Operand::Path(path), .. }
            if path.0.last().is_some_and(|last| last == "$count"));
    });
    counts
}

fn is_found(document: &Value, search: &Search, budget: &Budget) -> Result<bool, DirectoryError> {
    for all in &search.0 {
        let mut found = true;
        for term in all {
            budget.take(1).map_err(refused)?;
            found = found && has_term(document, term);
        }
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Names and descriptions are searched by the beginnings of their words, everything else by its own beginning.
fn has_term(document: &Value, term: &Term) -> bool {
    let value = document.as_object().and_then(|members| {
        members.iter().find(|(name, _)| name.eq_ignore_ascii_case(&term.property)).map(|(_, value)| value)
    });
    let texts: Vec<&str> = match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(elements)) => elements.iter().filter_map(Value::as_str).collect(),
        _ => return false,
    };
    let by_words =
        ["displayName", "description"].iter().any(|name| name.eq_ignore_ascii_case(&term.property));
    texts.iter().any(|text| {
        if by_words {
            let words = words_of(text);
            words_of(&term.text).iter().all(|wanted| words.iter().any(|word| word.starts_with(wanted)))
        } else {
            text.to_lowercase().starts_with(&term.text.to_lowercase())
        }
    })
}

fn is_property(kinds: &[ObjectKind], name: &str) -> bool {
    kinds.iter().any(|kind| schema::property_name(*kind, name).is_some())
}

/// How errors call objects of these kinds.
fn type_name(kinds: &[ObjectKind]) -> &'static str {
    match kinds {
        [kind] => kind.as_str(),
        _ => "directoryObject",
    }
}

/// Refuses a search of a property that the kind does not have.
pub(crate) fn check_search(search: &Search, kinds: &[ObjectKind]) -> Result<(), DirectoryError> {
    let unknown = search.0.iter().flatten().find(|term| !is_property(kinds, &term.property));
    match unknown {
        None => Ok(()),
        Some(term) => Err(DirectoryError::UnsupportedQuery(format!(
            "The property '{}' of type 'microsoft.graph.{}' cannot be searched.",
            term.property.chars().take(100).collect::<String>(),
            type_name(kinds)
        ))),
    }
}

/// Refuses a filter on a property that the kind does not have, or with a function that nobody knows. What is
/// wrong with a filter must not depend on which objects there are.
pub(crate) fn check_filter(filter: &Filter, kinds: &[ObjectKind]) -> Result<(), DirectoryError> {
    let mut variables = Vec::new();
    let mut names = Vec::new();
    let mut functions = Vec::new();
    let mut collections = Vec::new();
    filter.walk(&mut |part| {
        let mut operand = |operand: &Operand| collect(operand, &mut names, &mut functions);
        match part {
            Filter::Compare { left, right, .. } => [left, right].into_iter().for_each(&mut operand),
            Filter::In { operand: one, .. } => operand(one),
            Filter::Call(call) => operand(&Operand::Call(call.clone())),
            Filter::Any { collection, lambda } => {
                variables.extend(lambda.iter().map(|lambda| lambda.variable.clone()));
                names.extend(collection.0.first().cloned());
                collections.push(collection.clone());
            }
            Filter::All { collection, lambda } => {
                variables.push(lambda.variable.clone());
                names.extend(collection.0.first().cloned());
                collections.push(collection.clone());
            }
            Filter::Flag(path) => names.extend(path.0.first().cloned()),
            Filter::And(_) | Filter::Or(_) | Filter::Not(_) => {}
        }
    });
    if let Some(unknown) = functions.iter().find(|function| !function.is_standard()) {
        let unknown = EvaluationError::UnknownFunction(unknown.name.clone());
        return Err(DirectoryError::InvalidFilter(unknown.to_string()));
    }
    let known = |name: &String| variables.contains(name) || is_property(kinds, name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(DirectoryError::InvalidFilter(format!(
            "Could not find a property named '{unknown}' on type 'microsoft.graph.{}'.",
            type_name(kinds)
        )));
    }
    let single = |path: &&gatepost_odata::Path| {
        path.0.len() == 1
            && path
                .0
                .first()
                .is_some_and(|name| kinds.iter().all(|kind| schema::is_collection(*kind, name) != Some(true)))
    };
    match collections.iter().find(single) {
        Some(single) => Err(DirectoryError::InvalidFilter(
            EvaluationError::NotACollection(single.to_string()).to_string(),
        )),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_search_matches_beginnings_of_words() {
        let found = |text: &str| {
            let document =
                json!({"displayName": "Mail-Robot 7", "mail": "robot@a.example", "tags": ["Blue"]});
            let search = gatepost_odata::parse_search(text).unwrap();
            is_found(&document, &search, &Budget::per_request()).unwrap()
        };
        for (text, expected) in [
            ("\"displayName:robot\"", true),
            ("\"displayName:MAIL rob\"", true),
            ("\"displayName:ot\"", false),
            ("\"mail:robot\"", true),
            ("\"mail:a\"", false),
            ("\"mail:x\" OR \"displayName:7\"", true),
            ("\"mail:x\" AND \"displayName:7\"", false),
            ("\"tags:blu\"", true),
            ("\"description:x\"", false),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }
}
