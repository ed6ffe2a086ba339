//! The OData options of a query.

use gatepost_directory::{ListRequest, ObjectKind, Order, property_name};
use gatepost_https::Call;
use gatepost_odata::{Call as Function, Comparison, Filter, FilterFault, Operand, parse};

use crate::error::GraphError;

/// Objects on a page if nothing is said.
const DEFAULT_TOP: usize = 100;
/// Most objects on a page.
const MOST_TOP: usize = 999;
/// Options that are OData's but that this server does not answer.
const UNSUPPORTED: [&str; 6] = ["expand", "skip", "apply", "compute", "levels", "deltatoken"];

/// What a query asks for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The properties to show, in the order asked for; `None` for the default.
    pub(crate) select: Option<Vec<&'static str>>,
    /// Which objects.
    pub(crate) list: ListRequest,
    /// The pairs, but for the page, to build the link to the next page from.
    kept: Vec<(String, String)>,
    /// Whether there was an option that only collections have.
    for_collections: bool,
}

impl Options {
    /// Reads the options for a kind of objects.
    ///
    /// # Errors
    /// 400 by cause.
    pub(crate) fn parse(call: &Call, kind: ObjectKind) -> Result<Options, GraphError> {
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
            if name != "skiptoken" {
                options.kept.push((key.into_owned(), value.into_owned()));
            }
            seen.push(name);
        }
        options.check_consistency(call)?;
        Ok(options)
    }

    /// Reads one option; whether it is one.
    fn read(&mut self, name: &str, value: &str, kind: ObjectKind) -> Result<bool, GraphError> {
        match name {
            "select" => self.select = select(value, kind)?,
            "format" => {}
            "filter" => {
                let filter = parse(value).map_err(|error| {
                    let text = format!("Invalid filter clause: {error}");
                    match error.fault {
                        FilterFault::NestedLambda => GraphError::unsupported_query(text),
                        _ => GraphError::bad_request(text),
                    }
                })?;
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
        self.for_collections |= !matches!(name, "select" | "format");
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

    /// The query of the next page.
    pub(crate) fn next_query(&self, page: &str) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.kept)
            .append_pair("$skiptoken", page)
            .finish()
    }
}

fn select(value: &str, kind: ObjectKind) -> Result<Option<Vec<&'static str>>, GraphError> {
    let mut chosen: Vec<&'static str> = Vec::new();
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if name == "*" {
            return Ok(None);
        }
        let root = name.split('/').next().unwrap_or(name);
        let known = property_name(kind, root).ok_or_else(|| {
            GraphError::bad_request(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{}' on type \
                 'microsoft.graph.{}'.",
                root.chars().take(100).collect::<String>(),
                kind.as_str()
            ))
        })?;
        if !chosen.contains(&known) {
            chosen.push(known);
        }
    }
    Ok((!chosen.is_empty()).then_some(chosen))
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

fn order(value: &str, kind: ObjectKind) -> Result<Order, GraphError> {
    let mut words = value.split_whitespace();
    let property = words.next().unwrap_or_default();
    let direction = words.next().unwrap_or("asc").to_ascii_lowercase();
    let known = property.eq_ignore_ascii_case("displayName") && words.next().is_none();
    match (known, direction.as_str()) {
        (true, "asc") => Ok(Order::Name),
        (true, "desc") => Ok(Order::NameDescending),
        _ => Err(GraphError::unsupported_query(format!(
            "Unsupported sort property '{}' for '{}'.",
            property.chars().take(100).collect::<String>(),
            kind.as_str()
        ))),
    }
}

/// The text of `"displayName:text"`.
fn search(value: &str) -> Result<String, GraphError> {
    let unsupported = || {
        GraphError::unsupported_query(
            "Only $search=\"displayName:value\" is supported, with the double quotes.",
        )
    };
    let quoted = value.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let (property, text) = quoted.and_then(|inner| inner.split_once(':')).ok_or_else(unsupported)?;
    if property.trim().eq_ignore_ascii_case("displayName") && !text.contains('"') {
        Ok(text.to_owned())
    } else {
        Err(unsupported())
    }
}

/// Whether a filter has a part that Graph answers only from its search index.
fn is_advanced(filter: &Filter) -> bool {
    let ends = |call: &Function| call.is("endswith") || call.is("contains");
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
