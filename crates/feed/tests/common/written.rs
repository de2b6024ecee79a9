//! A recorded chain that the tests write: six options of one expiry in every snapshot.

use std::sync::Arc;

use model::Right;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use pricing::black76::{Black76, Inputs};
use pricing::payoff::coin_quoted;
use units::Timestamp;

const SCHEMA: &str = "message chain {
    REQUIRED INT64 snapshot_ts (TIMESTAMP(MICROS, true));
    REQUIRED INT64 expiry (TIMESTAMP(MICROS, true));
    REQUIRED BINARY currency (STRING);
    REQUIRED BINARY instrument_name (STRING);
    REQUIRED BINARY option_type (STRING);
    REQUIRED DOUBLE strike;
    REQUIRED DOUBLE mark_price;
    REQUIRED DOUBLE mark_iv;
    REQUIRED DOUBLE underlying_price;
    REQUIRED DOUBLE index_price;
    REQUIRED DOUBLE bid_price;
    REQUIRED DOUBLE ask_price;
    REQUIRED DOUBLE delta;
    REQUIRED DOUBLE open_interest;
    REQUIRED DOUBLE volume_24h;
}";

const EXPIRY: &str = "2026-05-08T08:00:00Z";
const VOL: f64 = 0.45;
const FORWARD: f64 = 78_010.0;
const INDEX: f64 = 77_940.0;

/// The bytes of a parquet file with a snapshot at each of `times`.
pub fn chain(times: &[&str]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).expect("a schema"));
    let properties = Arc::new(WriterProperties::builder().set_created_by("upm".into()).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    let expiry: Timestamp = EXPIRY.parse().expect("a time");
    let times = times.iter().map(|time| time.parse::<Timestamp>().expect("a time"));
    let contracts = [70_000.0, 78_000.0, 86_000.0].map(|strike| [(strike, Right::Call), (strike, Right::Put)]);
    let rows: Vec<(Timestamp, f64, Right)> = times
        .flat_map(|time| contracts.concat().into_iter().map(move |(strike, right)| (time, strike, right)))
        .collect();

    let side = |right: Right, words: [&'static str; 2]| words[usize::from(right == Right::Put)];
    whole(&mut group, &rows.iter().map(|row| row.0.micros()).collect::<Vec<_>>());
    whole(&mut group, &rows.iter().map(|_| expiry.micros()).collect::<Vec<_>>());
    texts(&mut group, &rows.iter().map(|_| "BTC".into()).collect::<Vec<_>>());
    texts(
        &mut group,
        &rows.iter().map(|row| format!("BTC-8MAY26-{}-{}", row.1, side(row.2, ["C", "P"]))).collect::<Vec<_>>(),
    );
    texts(&mut group, &rows.iter().map(|row| side(row.2, ["call", "put"]).into()).collect::<Vec<_>>());
    doubles(&mut group, &rows.iter().map(|row| row.1).collect::<Vec<_>>());
    doubles(&mut group, &rows.iter().map(|row| mark(expiry.years_since(row.0), row.1, row.2)).collect::<Vec<_>>());
    for constant in [VOL, FORWARD, INDEX, 0.0, 0.0, 0.5, 10.0, 1.5] {
        doubles(&mut group, &vec![constant; rows.len()]);
    }
    group.close().expect("a whole group");
    writer.into_inner().expect("a whole file")
}

/// The model's value of an option, in coin, with as many decimals as the venue prints.
fn mark(years: f64, strike: f64, right: Right) -> f64 {
    let inputs = Inputs { right, forward: FORWARD, strike, vol: VOL, years, discount: 1.0 };
    let mark = coin_quoted(Black76::new(inputs).expect("in range").price(), FORWARD);
    (mark * 1e8).round() / 1e8
}

fn whole(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, values: &[i64]) {
    let mut column = group.next_column().expect("a column").expect("one more");
    column.typed::<Int64Type>().write_batch(values, None, None).expect("written");
    column.close().expect("closed");
}

fn doubles(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, values: &[f64]) {
    let mut column = group.next_column().expect("a column").expect("one more");
    column.typed::<DoubleType>().write_batch(values, None, None).expect("written");
    column.close().expect("closed");
}

fn texts(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, values: &[String]) {
    let values: Vec<ByteArray> = values.iter().map(|text| ByteArray::from(text.as_str())).collect();
    let mut column = group.next_column().expect("a column").expect("one more");
    column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("written");
    column.close().expect("closed");
}
