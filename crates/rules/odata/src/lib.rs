//! OData filter expressions: `$filter` of Microsoft Graph and of Azure Resource Manager; and `$search` of the
//! former ([`parse_search`]).
//!
//! [`parse`] reads the text into a [`Filter`], whose tree is public so that a service can look for the parts
//! that an index answers; [`Filter::matches`] evaluates it on a JSON document. The grammar is the part of
//! OData 4.01 "URL Conventions" section 5.1.1 that those two services take: comparisons, `in`, `and`, `or`,
//! `not`, functions with any arguments, and the lambdas `any` and `all`.
//!
//! Comparison rules are Microsoft's: texts compare ignoring letter case, names of properties and functions too.
//! Length and depth are bounded, so no filter overflows a stack; no lambda stands inside another, and every
//! evaluation spends from the [`Budget`] of its request, so none takes more than a moment.

mod budget;
mod evaluate;
mod filter;
mod parse;
mod scan;
mod search;

pub use budget::Budget;
pub use evaluate::EvaluationError;
pub use filter::{Call, Comparison, Filter, Lambda, Literal, Operand, Path};
pub use parse::{FilterError, FilterFault, MAX_DEPTH, MAX_LENGTH, parse};
pub use search::{Search, SearchError, Term, parse_search};
