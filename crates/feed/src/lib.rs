//! Imports markets: turns answers of venues and recordings into one `upm.market/1` document.
//!
//! [`deribit`] reads the venue's own answers, [`chain`] reads recorded option chains. Both are functions of the bytes
//! they are given: they open no file and read no clock. Both account for all instruments that they read: an instrument
//! is in the document, or it is left out and counted under a [`Reason`] in the report. A text that cannot be understood
//! is refused with the file, the field, the value found and the value expected. A returned document has been accepted
//! by [`model::Market::new`].
//!
//! Without the feature `recordings`, which needs parquet, there is [`deribit`] alone.
//!
//! ```
//! use feed::deribit::{Options, Source, import};
//!
//! let text = r#"{"jsonrpc": "2.0", "result": {"instrument_name": "BTC-PERPETUAL", "timestamp": 1776816000000,
//!     "mark_price": 77888.84, "index_price": 77939.768, "open_interest": 1132329370, "funding_8h": -1.7403e-04}}"#;
//! let (document, report) = import(&[Source { name: "ticker.json", text }], &Options::default())?;
//! assert_eq!(document.instruments[0].mark.to_string(), "77888.84");
//! assert_eq!(report.perpetuals, 1);
//! # Ok::<(), feed::deribit::ImportError>(())
//! ```

#[cfg(feature = "recordings")]
pub mod bars;
#[cfg(feature = "recordings")]
pub mod chain;
#[cfg(feature = "recordings")]
pub mod closes;
mod currency;
pub mod deribit;
mod moment;
mod name;
mod report;
mod text;

pub use currency::asset;
pub use name::{Contract, Name, NotName};
pub use report::{Left, LeftOut, Reason};
pub use text::{NotText, read_text};
