//! The OData options of a query.

use gatepost_directory::{ListRequest, ObjectKind, Order, property_name};
use gatepost_https::Call;
use gatepost_odata::{
    Call as Function, Comparison, Filter, FilterFault, Operand, Search, parse, parse_search,
};

use crate::error::GraphError;
use crate::request::{ALL_KINDS, shortened};

/// Objects on a page if nothing is said.
const DEFAULT_TOP: usize = 100;
/// Most objects on a page.
const MOST_TOP: usize = 999;
/// Options that are OData's but that this server does not answer.
const UNSUPPORTED: [&str; 5] = ["skip", "apply", "compute", "levels", "id"];
/// Most relations of one `$expand`.
const MOST_EXPANDS: usize = 4;

/// A relation that `$expand` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expand {
    /// Its name, as written.
    pub(crate) name: String,
    /// The properties to show of what is related.
    pub(crate) select: Option<Vec<&'static str>>,
}

/// What a query asks for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The properties to show, in the order asked for; `None` for the default.
    pub(crate) select: Option<Vec<&'static str>>,
    /// Which objects.
    pub(crate) list: ListRequest,
    /// The relations to show with each.
    pub(crate) expand: Vec<Expand>,
    /// Where a delta query goes on.
    pub(crate) delta: Option<String>,
    /// The pairs, but for the page, to build the link to the next page from.
    kept: Vec<(String, String)>,
    /// Whether there was an option that only collections have.
    for_collections: bool,
}

impl Options {
    /// Reads the options for a kind of objects, or for objects of several kinds.
    ///
    /// # Errors
    /// 400 by cause.
    pub(crate) fn parse(call: &Call, kind: Option<ObjectKind>) -> Result<Options, GraphError> {
        let mut options = Options::default();
        options.list.top = DEFAULT_TOP;
        let mut seen: Vec<String> = Vec::new();
        for (key, value) in call.query_pairs() {
            let name = key.strip_prefix('$').unwrap_or(&key).to_ascii_lowercase();
            let known = options.read(&name, &value, kind)?;
            if !known && key.starts_with('$') {
                return Err(GraphError::unsupported_query(format!(
                    "The query option '{}' is not supported.",
                    key.chars().take(50).collect::<String>()
                )));
            }
            if known && seen.contains(&name) {
                return Err(GraphError::bad_request(format!(
                    "Query option '${name}' was specified more than once, but it must be specified at most once."
                )));
            }
            if name != "skiptoken" && name != "deltatoken" {
                options.kept.push((key.into_owned(), value.into_owned()));
            }
            seen.push(name);
        }
        options.check_consistency(call)?;
        Ok(options)
    }

    /// Reads one option; whether it is one.
    fn read(&mut self, name: &str, value: &str, kind: Option<ObjectKind>) -> Result<bool, GraphError> {
        match name {
            "select" => self.select = select(value, kind)?,
            "expand" => self.expand = expand(value, kind)?,
            "deltatoken" => self.delta = Some(value.to_owned()),
            "format" => {}
            "filter" => {
                let filter = parse(value).map_err(|error| {
                    let text = format!("Invalid filter clause: {error}");
                    match error.fault {
                        FilterFault::NestedLambda => GraphError::unsupported_query(text),
                        _ => GraphError::bad_request(text),
                    }
                })?;
                check_functions(&filter, kind)?;
                self.list.filter = Some(filter);
            }
            "search" => self.list.search = Some(search(value)?),
            "orderby" => self.list.order = order(value, kind)?,
            "top" => self.list.top = top(value)?,
            "count" => self.list.count = count(value)?,
            "skiptoken" => self.list.after = Some(value.to_owned()),
            other if UNSUPPORTED.contains(&other) => {
                return Err(GraphError::unsupported_query(format!(
                    "The query option '${other}' is not supported."
                )));
            }
            _ => return Ok(false),
        }
        self.for_collections |= !matches!(name, "select" | "format" | "expand");
        Ok(true)
    }

    /// Refuses the options that only collections have.
    pub(crate) fn for_one(self) -> Result<Options, GraphError> {
        if self.for_collections {
            return Err(GraphError::bad_request(
                "Query options $filter, $search, $orderby, $count, $skiptoken and $top can be applied only on \
                 collections.",
            ));
        }
        Ok(self)
    }

    /// Some queries are answered only where the client says that it takes an answer that may be behind.
    fn check_consistency(&self, call: &Call) -> Result<(), GraphError> {
        let eventual =
            call.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"));
        if self.list.search.is_some() && !eventual {
            return Err(GraphError::unsupported_query(
                "Request with $search query parameter only works through MSGraph with a special request header: \
                 'ConsistencyLevel: eventual'",
            ));
        }
        if self.list.count && !eventual {
            return Err(GraphError::unsupported_query(
                "$count is supported only with the request header 'ConsistencyLevel: eventual'.",
            ));
        }
        let advanced = eventual && self.list.count;
        match &self.list.filter {
            Some(_) if self.list.order != Order::Any && !advanced => {
                Err(GraphError::unsupported_query("Sorting not supported for current query."))
            }
            Some(filter) if is_advanced(filter) && !advanced => Err(GraphError::unsupported_query(
                "Operator in the filter is supported only with $count=true and the request header \
                 'ConsistencyLevel: eventual'.",
            )),
            _ => Ok(()),
        }
    }

    /// Writes `$select` into links as the client wrote it.
    pub(crate) fn keep_select(&mut self, select: &str) {
        for (_, value) in self.kept.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case("$select")) {
            *value = select.to_owned();
        }
    }

    /// The query of what changed since.
    pub(crate) fn delta_query(&self, token: &str) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.kept)
            .append_pair("$deltatoken", token)
            .finish()
    }

    /// The query of the next page.
    pub(crate) fn next_query(&self, page: &str) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.kept)
            .append_pair("$skiptoken", page)
            .finish()
    }
}

fn select(value: &str, kind: Option<ObjectKind>) -> Result<Option<Vec<&'static str>>, GraphError> {
    let mut chosen: Vec<&'static str> = Vec::new();
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if name == "*" {
            return Ok(None);
        }
        let root = name.split('/').next().unwrap_or(name);
        let known = property(kind, root).ok_or_else(|| {
            GraphError::bad_request(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{}' on type \
                 'microsoft.graph.{}'.",
                shortened(root),
                type_name(kind)
            ))
        })?;
        if !chosen.contains(&known) {
            chosen.push(known);
        }
    }
    Ok((!chosen.is_empty()).then_some(chosen))
}

fn property(kind: Option<ObjectKind>, name: &str) -> Option<&'static str> {
    match kind {
        Some(kind) => property_name(kind, name),
        None => ALL_KINDS.into_iter().find_map(|kind| property_name(kind, name)),
    }
}

fn type_name(kind: Option<ObjectKind>) -> &'static str {
    kind.map_or("directoryObject", ObjectKind::as_str)
}

/// `members($select=id,displayName),owners`.
fn expand(value: &str, kind: Option<ObjectKind>) -> Result<Vec<Expand>, GraphError> {
    let mut expands = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let end = rest.find([',', '(']).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (inner, after) = match after.strip_prefix('(') {
            None => ("", after),
            Some(inside) => inside.split_once(')').ok_or_else(|| {
                GraphError::bad_request("Parsing OData Select and Expand failed: ')' is missing.")
            })?,
        };
        expands.push(one_expand(name.trim(), inner, kind)?);
        rest = after.trim_start().strip_prefix(',').unwrap_or(after).trim_start();
        if expands.len() > MOST_EXPANDS || (!after.trim().is_empty() && !after.trim_start().starts_with(','))
        {
            return Err(GraphError::unsupported_query("The query option '$expand' is not supported."));
        }
    }
    Ok(expands)
}

fn one_expand(name: &str, inner: &str, kind: Option<ObjectKind>) -> Result<Expand, GraphError> {
    let known = kind.and_then(|kind| expandable(kind, name)).ok_or_else(|| {
        GraphError::bad_request(format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{}' on type \
             'microsoft.graph.{}'.",
            shortened(name),
            type_name(kind)
        ))
    })?;
    let mut chosen = None;
    for option in inner.split(';').map(str::trim).filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some((option, value)) if option.trim_start_matches('$').eq_ignore_ascii_case("select") => {
                chosen = select(value, None)?;
            }
            _ => {
                return Err(GraphError::unsupported_query(format!(
                    "The option '{}' of $expand is not supported.",
                    shortened(option)
                )));
            }
        }
    }
    Ok(Expand { name: known.to_owned(), select: chosen })
}

/// The relations of a kind that `$expand` can show, in their own spelling.
fn expandable(kind: ObjectKind, name: &str) -> Option<&'static str> {
    let names: &[&'static str] = match kind {
        ObjectKind::Application => &["owners"],
        ObjectKind::ServicePrincipal => &[
            "owners",
            "ownedObjects",
            "memberOf",
            "transitiveMemberOf",
            "appRoleAssignments",
            "appRoleAssignedTo",
        ],
        ObjectKind::User => &["ownedObjects", "memberOf", "transitiveMemberOf", "appRoleAssignments"],
        ObjectKind::Group => &[
            "members",
            "owners",
            "memberOf",
            "transitiveMembers",
            "transitiveMemberOf",
            "appRoleAssignments",
        ],
    };
    names.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
}

fn top(value: &str) -> Result<usize, GraphError> {
    let number: i64 = value.trim().parse().map_err(|_| {
        GraphError::bad_request(
            "Invalid value for $top query option found. The $top query option requires a non-negative integer \
             value.",
        )
    })?;
    usize::try_from(number).ok().filter(|top| (1..=MOST_TOP).contains(top)).ok_or_else(|| {
        GraphError::unsupported_query(format!(
            "Invalid page size specified: '{number}'. Must be between 1 and {MOST_TOP} inclusive."
        ))
    })
}

fn count(value: &str) -> Result<bool, GraphError> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(GraphError::bad_request(
            "Invalid value for $count query option found. The $count query option requires a 'true' or 'false' \
             value.",
        )),
    }
}

fn order(value: &str, kind: Option<ObjectKind>) -> Result<Order, GraphError> {
    let mut words = value.split_whitespace();
    let property = words.next().unwrap_or_default();
    let direction = words.next().unwrap_or("asc").to_ascii_lowercase();
    let is = |name: &str| property.eq_ignore_ascii_case(name);
    let orders = if is("displayName") {
        Some((Order::Name, Order::NameDescending))
    } else if is("userPrincipalName") && kind == Some(ObjectKind::User) {
        Some((Order::Login, Order::LoginDescending))
    } else if is("createdDateTime") && kind.is_some() {
        Some((Order::Created, Order::CreatedDescending))
    } else {
        None
    };
    match (orders, direction.as_str(), words.next()) {
        (Some((ascending, _)), "asc", None) => Ok(ascending),
        (Some((_, descending)), "desc", None) => Ok(descending),
        _ => Err(GraphError::unsupported_query(format!(
            "Unsupported sort property '{}' for '{}'.",
            shortened(property),
            type_name(kind)
        ))),
    }
}

fn search(value: &str) -> Result<Search, GraphError> {
    parse_search(value.trim()).map_err(|_| {
        GraphError::unsupported_query(
            "Only $search=\"displayName:value\" is supported, with the double quotes.",
        )
    })
}

/// Properties that can be looked for by their end.
const BY_END: [&str; 4] = ["mail", "userPrincipalName", "otherMails", "proxyAddresses"];

/// Refuses the functions that Graph does not evaluate on directory objects.
fn check_functions(filter: &Filter, kind: Option<ObjectKind>) -> Result<(), GraphError> {
    let mut refused = None;
    filter.walk(&mut |part| {
        let calls: Vec<&Function> = match part {
            Filter::Call(call) => vec![call],
            Filter::Compare { left, right, .. } => [left, right]
                .into_iter()
                .filter_map(|operand| match operand {
                    Operand::Call(call) => Some(call),
                    Operand::Path(_) | Operand::Literal(_) => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        for call in calls.into_iter().filter(|call| call.is_standard()) {
            let named = match call.arguments.first() {
                Some(Operand::Path(path)) => path.0.first().map(String::as_str).unwrap_or_default(),
                _ => "",
            };
            // Inside of a lambda the path begins with its variable.
            let by_end = BY_END.iter().any(|name| name.eq_ignore_ascii_case(named))
                || property(kind, named).is_none();
            if !(call.is("startswith") || (call.is("endswith") && by_end)) {
                refused = Some(format!(
                    "Unsupported or invalid query filter clause specified for property '{}' of resource '{}'.",
                    shortened(named),
                    type_name(kind)
                ));
            }
        }
    });
    refused.map_or(Ok(()), |text| Err(GraphError::unsupported_query(text)))
}

/// Whether a filter has a part that Graph answers only from its search index.
fn is_advanced(filter: &Filter) -> bool {
    let ends = |call: &Function| call.is("endswith");
    let mut advanced = false;
    filter.walk(&mut |part| {
        advanced |= match part {
            Filter::Not(_) | Filter::Compare { comparison: Comparison::NotEqual, .. } => true,
            Filter::Call(call) => ends(call),
            Filter::Compare { left: Operand::Path(path), .. } => {
                path.0.last().is_some_and(|last| last.eq_ignore_ascii_case("$count"))
            }
            _ => false,
        };
    });
    advanced
}
