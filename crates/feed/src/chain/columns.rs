//! Reads flat parquet columns by name, with the values as they were written.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use units::Timestamp;

use super::ChainError;

/// The first bytes of every parquet file.
const MAGIC: &[u8] = b"PAR1";
/// The number of values decoded in one call.
const BATCH: usize = 1 << 16;

/// An open parquet file.
pub struct Columns<'a> {
    file: &'a str,
    reader: SerializedFileReader<Bytes>,
}

impl<'a> Columns<'a> {
    /// Reads the footer of a parquet file. `file` is used in messages only.
    pub fn open(file: &'a str, bytes: Bytes) -> Result<Self, ChainError> {
        let refuse = |problem| ChainError::File { file: file.into(), problem };
        if bytes.is_empty() {
            return Err(refuse("found an empty file, expected parquet".into()));
        }
        if !bytes.starts_with(MAGIC) {
            return Err(refuse("found a file of another kind, expected parquet".into()));
        }
        let reader = SerializedFileReader::new(bytes).map_err(|error| refuse(error.to_string()))?;
        Ok(Self { file, reader })
    }

    /// Reads a column of doubles; NaN becomes none.
    pub fn doubles(&self, column: &str) -> Result<Vec<Option<f64>>, ChainError> {
        let (index, _) = self.find::<DoubleType>(column, "a column of doubles")?;
        let mut values = self.read::<DoubleType>(column, index)?;
        for value in &mut values {
            *value = value.filter(|number| !number.is_nan());
        }
        Ok(values)
    }

    /// Reads a column of text.
    pub fn texts(&self, column: &str) -> Result<Vec<Option<ByteArray>>, ChainError> {
        let (index, _) = self.find::<ByteArrayType>(column, "a column of text")?;
        self.read::<ByteArrayType>(column, index)
    }

    /// Reads a column of moments in UTC.
    pub fn times(&self, column: &str) -> Result<Vec<Option<Timestamp>>, ChainError> {
        let expected = "a column of UTC timestamps";
        let (index, logical) = self.find::<Int64Type>(column, expected)?;
        let to_micros: fn(i64) -> Option<i64> = match logical {
            Some(LogicalType::Timestamp(kind)) if kind.is_adjusted_to_u_t_c => match kind.unit {
                TimeUnit::MILLIS => |count| count.checked_mul(1000),
                TimeUnit::MICROS => Some,
                TimeUnit::NANOS => |count| Some(count.div_euclid(1000)),
            },
            _ => return Err(self.refuse(column, "another kind of 64-bit integers", expected)),
        };
        // The years 0 to 9999, which a `Timestamp` can print.
        let printable = |micros: &i64| (-62_167_219_200_000_000..253_402_300_800_000_000).contains(micros);
        let time = |value: Option<i64>| match value.map(|count| to_micros(count).filter(printable)) {
            None => Ok(None),
            Some(Some(micros)) => Ok(Some(Timestamp::from_micros(micros))),
            Some(None) => Err(self.refuse(column, "a time out of range", "a time before the year 10000")),
        };
        self.read::<Int64Type>(column, index)?.into_iter().map(time).collect()
    }

    fn refuse(&self, column: &str, found: impl std::fmt::Display, expected: &str) -> ChainError {
        let (file, column, found) = (self.file.into(), column.into(), found.to_string());
        ChainError::Column { file, column, found, expected: expected.into() }
    }

    /// The index of the column, which must have this type, and its logical type.
    fn find<T: DataType>(&self, column: &str, expected: &str) -> Result<(usize, Option<LogicalType>), ChainError> {
        let schema = self.reader.metadata().file_metadata().schema_descr_ptr();
        let found = schema.columns().iter().enumerate().find(|(_, descriptor)| descriptor.path().string() == column);
        let Some((index, descriptor)) = found else {
            return Err(self.refuse(column, "no such column", expected));
        };
        if descriptor.physical_type() != T::get_physical_type() {
            return Err(self.refuse(column, descriptor.physical_type(), expected));
        }
        if descriptor.max_rep_level() > 0 || descriptor.max_def_level() > 1 {
            return Err(self.refuse(column, "lists", expected));
        }
        Ok((index, descriptor.logical_type_ref().cloned()))
    }

    /// Reads the values of a column. The decoder panics on some damaged pages; that too becomes an error here, not a
    /// crash.
    fn read<T: DataType>(&self, column: &str, index: usize) -> Result<Vec<Option<T::T>>, ChainError> {
        let expected = "whole pages";
        let values = catch_unwind(AssertUnwindSafe(|| self.decode::<T>(index)))
            .map_err(|_| self.refuse(column, "damaged pages", expected))?
            .map_err(|error| self.refuse(column, error, expected))?;
        let rows = self.reader.metadata().file_metadata().num_rows();
        if i64::try_from(values.len()) != Ok(rows) {
            let found = format!("{} values", values.len());
            return Err(self.refuse(column, found, &format!("one for each of {rows} rows")));
        }
        Ok(values)
    }

    fn decode<T: DataType>(&self, index: usize) -> Result<Vec<Option<T::T>>, ParquetError> {
        let mut decoded = Vec::new();
        for group in 0..self.reader.num_row_groups() {
            let group = self.reader.get_row_group(group)?;
            let mut reader = get_typed_column_reader::<T>(group.get_column_reader(index)?);
            loop {
                let (mut levels, mut values) = (Vec::new(), Vec::new());
                let (rows, ..) = reader.read_records(BATCH, Some(&mut levels), None, &mut values)?;
                if rows == 0 {
                    break;
                }
                // A definition level of 0 marks a null; a column that cannot hold nulls has no levels.
                let mut values = values.into_iter();
                if levels.is_empty() {
                    decoded.extend(values.map(Some));
                } else {
                    decoded.extend(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }));
                }
            }
        }
        Ok(decoded)
    }
}
