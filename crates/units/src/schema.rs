//! JSON Schemas of numbers and moments: both are text.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{Money, Price, Quantity, Ratio, Timestamp};

/// The grammar of decimal text: at most 18 decimals, or an exponent. The reader checks the range besides.
const DECIMAL: &str = r"^-?[0-9]+(\.[0-9]{1,18}0*|(\.[0-9]+)?[eE][+-]?[0-9]+)?$";

/// The grammar of a moment: RFC 3339. The reader checks the calendar besides, and that it counts whole microseconds.
const MOMENT: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$";

macro_rules! text {
    ($name:ident, $says:literal, $pattern:ident) => {
        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "description": $says})
            }
        }
    };
}

text!(Money, "An amount of USD or of an asset, as decimal text.", DECIMAL);
text!(Price, "The cost of one unit of something in units of something else, as decimal text.", DECIMAL);
text!(Quantity, "A number of contracts, coins or lots, as decimal text; negative when owed or short.", DECIMAL);
text!(Ratio, "A pure number as decimal text: a rate, a haircut, a volatility. 1 is 100 %.", DECIMAL);
text!(Timestamp, "A moment as RFC 3339 text, such as 2026-05-08T08:00:00Z.", MOMENT);
