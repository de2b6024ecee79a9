//! The vectorised kernel: the same bits as the scalar reference, on every instruction set of this machine.
#![expect(clippy::print_stdout, reason = "which instruction sets were compared is worth reading")]

use pricing::{
    Refusal, Right,
    black76::{Black76, Inputs},
    kernel::{
        Accounts, Column, Columns, Contract, Isa, Position, Rows, Worst, accumulate, accumulate_min, min_index,
        sum_rows,
    },
    math::{exp, ln},
};
use proptest::prelude::*;

const PLAIN: Column = Column { forward: 100.0, vol_multiplier: 1.0, vol_floor: 0.0, years: 0.25, discount: 0.99 };

fn column() -> impl Strategy<Value = Column> {
    let sometimes_zero = |range: std::ops::Range<f64>| prop_oneof![1 => Just(0.0), 8 => range];
    let floor = prop_oneof![3 => Just(0.0), 1 => Just(1e-17), 4 => 0.0..2.0];
    let forward = prop_oneof![8 => 50.0..200.0, 1 => 1e-6..1e9, 1 => Just(100.0)];
    (forward, sometimes_zero(0.0..3.0), floor, sometimes_zero(1e-6..3.0), 0.5..1.1).prop_map(
        |(forward, vol_multiplier, vol_floor, years, discount)| Column {
            forward,
            vol_multiplier,
            vol_floor,
            years,
            discount,
        },
    )
}

fn contract() -> impl Strategy<Value = (Right, f64, f64)> {
    let strike = prop_oneof![6 => 50.0..200.0, 1 => 1e-6..1e9, 2 => Just(100.0)];
    let vol = prop_oneof![8 => 0.01..2.0, 1 => Just(0.0), 1 => Just(1e-16), 1 => 5.0..500.0];
    (prop_oneof![Just(Right::Call), Just(Right::Put)], strike, vol)
}

/// The bits of every row, padding included.
fn bits(rows: &Rows) -> Vec<u64> {
    (0..rows.len()).flat_map(|row| rows.padded_row(row)).map(|value| value.to_bits()).collect()
}

fn priced(isa: Isa, columns: &[Column], contracts: &[(Right, f64, f64)]) -> Rows {
    let contracts: Vec<_> =
        contracts.iter().map(|&(right, strike, vol)| Contract::new(right, strike, vol).expect("valid")).collect();
    let mut rows = Rows::zeros(contracts.len(), columns.len());
    Columns::new(columns).expect("valid").price(isa, &contracts, &mut rows, 0);
    rows
}

#[test]
fn the_instruction_sets_compared_are() {
    let available: Vec<_> = Isa::available().iter().map(Isa::to_string).collect();
    println!("{available:?}");
    assert_eq!(Isa::available()[0], Isa::BASELINE);
    assert!(Isa::available().contains(&Isa::detect()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn every_instruction_set_gives_the_same_bits(
        columns in prop::collection::vec(column(), 1..40),
        contracts in prop::collection::vec(contract(), 1..6),
    ) {
        let reference = bits(&priced(Isa::BASELINE, &columns, &contracts));
        for isa in Isa::available() {
            prop_assert_eq!(&bits(&priced(isa, &columns, &contracts)), &reference, "{}", isa);
        }
    }

    #[test]
    fn one_column_is_the_scalar_price_to_the_bit(
        column in column(), contracts in prop::collection::vec(contract(), 1..6),
    ) {
        let column = Column { vol_multiplier: 1.0, vol_floor: 0.0, ..column };
        for isa in Isa::available() {
            let rows = priced(isa, &[column], &contracts);
            for (row, &(right, strike, vol)) in contracts.iter().enumerate() {
                let Column { forward, years, discount, .. } = column;
                let scalar = Black76::new(Inputs { right, forward, strike, vol, years, discount }).expect("valid").price();
                prop_assert_eq!(rows.row(row)[0].to_bits(), scalar.to_bits(), "{}", isa);
            }
        }
    }

    #[test]
    fn a_row_depends_on_neither_the_batch_nor_the_other_columns(
        columns in prop::collection::vec(column(), 1..30),
        contracts in prop::collection::vec(contract(), 1..6),
    ) {
        let together = priced(Isa::detect(), &columns, &contracts);
        for (row, contract) in contracts.iter().enumerate() {
            let alone = priced(Isa::detect(), &columns, &[*contract]);
            prop_assert_eq!(alone.padded_row(0), together.padded_row(row));
            for (j, column) in columns.iter().enumerate() {
                prop_assert_eq!(priced(Isa::detect(), &[*column], &[*contract]).row(0)[0], together.row(row)[j]);
            }
        }
    }

    #[test]
    fn shocks_of_a_column_are_shocks_of_the_inputs(column in column(), contract in contract()) {
        let (right, strike, vol) = contract;
        let shocked = (vol * column.vol_multiplier).max(column.vol_floor);
        let Column { forward, years, discount, .. } = column;
        let scalar = Black76::new(Inputs { right, forward, strike, vol: shocked, years, discount }).expect("valid").price();
        let kernel = priced(Isa::detect(), &[column], &[contract]).row(0)[0];
        prop_assert!((kernel - scalar).abs() <= 1e-14 * forward.max(strike), "{kernel} {scalar}");
    }

    #[test]
    fn explicit_deviations_agree_with_those_of_the_columns(
        columns in prop::collection::vec(column(), 1..30), contract in contract(),
    ) {
        let (right, strike, vol) = contract;
        let from_columns = priced(Isa::detect(), &columns, &[contract]);
        let mut stdevs = Rows::zeros(1, columns.len());
        stdevs.fill_row(0, |j| (vol * columns[j].vol_multiplier).max(columns[j].vol_floor) * columns[j].years.sqrt());
        let given = Contract::new(right, strike, 0.0).expect("valid");
        let mut reference = None;
        for isa in Isa::available() {
            let mut rows = Rows::zeros(1, columns.len());
            Columns::new(&columns).expect("valid").price_with_stdevs(isa, &[given], &stdevs, &mut rows, 0);
            prop_assert_eq!(&bits(&rows), reference.get_or_insert_with(|| bits(&rows)), "{}", isa);
            for (j, column) in columns.iter().enumerate() {
                let (ours, theirs) = (rows.row(0)[j], from_columns.row(0)[j]);
                prop_assert!((ours - theirs).abs() <= 1e-14 * column.forward.max(strike), "{ours} {theirs}");
            }
        }
    }

    #[test]
    fn sums_have_the_same_bits_whatever_the_instruction_set_and_the_batch(
        width in 1..230usize,
        accounts in prop::collection::vec(prop::collection::vec((0..7usize, -100.0..100.0), 0..9), 1..6),
    ) {
        let mut rows = Rows::zeros(7, width);
        for row in 0..7u32 {
            rows.fill_row(row.try_into().expect("small"), |j| 100.0 * ln(f64::from(row + 1) + exp(0.01 * count(j))) - 200.0);
        }
        let positions: Vec<_> = accounts.iter().flatten().map(|&(row, quantity)| Position { row, quantity }).collect();
        let starts: Vec<_> = std::iter::once(0)
            .chain(accounts.iter().scan(0, |end, account| { *end += account.len(); Some(*end) }))
            .collect();
        let batch = Accounts { starts: &starts, positions: &positions };

        for isa in Isa::available() {
            let mut sums = Rows::zeros(accounts.len(), width);
            batch.sum(isa, &rows, &mut sums);
            let mut worst = vec![Worst { value: 0.0, column: 0 }; accounts.len()];
            batch.worst(isa, &rows, &mut worst);
            for account in 0..accounts.len() {
                // The expected sum, one position at a time, in plain code.
                let mut expected = vec![0.0; width];
                for position in &positions[starts[account]..starts[account + 1]] {
                    for (sum, value) in expected.iter_mut().zip(rows.row(position.row)) {
                        *sum = position.quantity.mul_add(*value, *sum);
                    }
                }
                prop_assert_eq!(sums.row(account), &expected, "{}", isa);
                prop_assert_eq!(&sums.padded_row(account)[width..], &vec![expected[width - 1]; sums.stride() - width]);

                let mut single = Rows::zeros(1, width);
                sum_rows(isa, &rows, &positions[starts[account]..starts[account + 1]], &mut single, 0);
                prop_assert_eq!(single.row(0), &expected);

                let least = expected.iter().copied().fold(f64::INFINITY, f64::min);
                let first = expected.iter().position(|value| *value == least).expect("it is there");
                prop_assert_eq!(worst[account], Worst { value: least, column: first });
                prop_assert_eq!(min_index(isa, &expected), Some(Worst { value: least, column: first }));

                // A fill gives the same result as a recomputation.
                let (mut vector, mut other) = (expected.clone(), expected.clone());
                accumulate(isa, rows.row(3), -2.5, &mut vector);
                let after = accumulate_min(isa, rows.row(3), -2.5, &mut other);
                let plain: Vec<_> = expected.iter().zip(rows.row(3)).map(|(sum, value)| (-2.5f64).mul_add(*value, *sum)).collect();
                prop_assert_eq!(&vector, &plain);
                prop_assert_eq!(&other, &plain);
                prop_assert_eq!(after, plain.iter().copied().fold(f64::INFINITY, f64::min));
            }
        }
    }
}

/// A small count as an `f64`.
fn count(j: usize) -> f64 {
    f64::from(u32::try_from(j).expect("small"))
}

#[test]
fn a_nan_is_always_the_worst() {
    for isa in Isa::available() {
        assert_eq!(min_index(isa, &[]), None);
        for width in [1, 7, 8, 9, 33] {
            for broken in 0..width {
                let mut vector = vec![-1.0; width];
                vector[broken] = f64::NAN;
                vector[width - 1] = if broken == width - 1 { f64::NAN } else { f64::NEG_INFINITY };
                let worst = min_index(isa, &vector).expect("not empty");
                assert!(worst.value.is_nan() && worst.column == broken, "{isa} {worst:?}");
                assert!(accumulate_min(isa, &vec![0.0; width], 1.0, &mut vector).is_nan());
            }
        }
        assert_eq!(min_index(isa, &[f64::INFINITY; 9]), Some(Worst { value: f64::INFINITY, column: 0 }));
    }
}

#[test]
fn a_nan_deviation_gives_a_nan_price() {
    let columns = Columns::new(&[PLAIN; 9]).expect("valid");
    let contract = Contract::new(Right::Put, 90.0, 0.5).expect("valid");
    let (mut stdevs, mut rows) = (Rows::zeros(1, 9), Rows::zeros(1, 9));
    stdevs.fill_row(0, |j| if j == 4 { f64::NAN } else { 0.2 });
    for isa in Isa::available() {
        columns.price_with_stdevs(isa, &[contract], &stdevs, &mut rows, 0);
        for (j, price) in rows.row(0).iter().enumerate() {
            assert_eq!(price.is_nan(), j == 4);
        }
    }
}

#[test]
fn rows_start_on_cache_lines_and_repeat_their_last_value() {
    for width in [0, 1, 7, 8, 9, 99] {
        let mut rows = Rows::zeros(3, width);
        assert_eq!((rows.len(), rows.width(), rows.stride() % 8), (3, width, 0));
        rows.fill_row(1, count);
        for copy in [&rows, &rows.clone()] {
            assert_eq!(copy.padded_row(0).as_ptr().align_offset(64), 0);
            assert_eq!(copy.row(1), (0..width).map(count).collect::<Vec<_>>());
            assert!(copy.padded_row(1)[width..].iter().all(|value| *value == count(width - 1)));
        }
    }
}

#[test]
fn the_largest_shocks_give_the_bound_and_not_a_nan() {
    let huge = Column { vol_multiplier: 1e300, years: 1e300, ..PLAIN };
    let floor = Column { vol_floor: 1e300, ..huge };
    for isa in Isa::available() {
        for vol in [0.0, 1e-300, 1.0, 1e300] {
            let rows = priced(isa, &[huge, floor], &[(Right::Call, 90.0, vol)]);
            let expected = if vol == 0.0 { 0.99 * 10.0 } else { 0.99 * 100.0 };
            assert_eq!(rows.row(0), [expected, 0.99 * 100.0], "{vol}");
        }
    }
}

#[test]
fn a_negative_zero_is_a_zero() {
    let column = |vol_multiplier, vol_floor, years| Column { vol_multiplier, vol_floor, years, ..PLAIN };
    let columns = [column(-0.0, -0.0, 1.0), column(1.0, 0.0, -0.0), column(-0.0, 0.5, -0.0)];
    for isa in Isa::available() {
        let rows = priced(isa, &columns, &[(Right::Call, 90.0, 0.5), (Right::Put, 90.0, -0.0)]);
        assert_eq!(rows.row(0), [0.99 * 10.0; 3]);
        assert_eq!(rows.row(1), [0.0; 3]);
    }
}

#[test]
fn no_columns_no_contracts_and_no_accounts_are_fine() {
    let contract = Contract::new(Right::Call, 1.0, 1.0).expect("valid");
    let columns = Columns::new(&[]).expect("valid");
    assert!(columns.is_empty());
    let mut rows = Rows::zeros(1, 0);
    columns.price(Isa::detect(), &[contract], &mut rows, 0);
    Columns::new(&[PLAIN]).expect("valid").price(Isa::detect(), &[], &mut Rows::zeros(0, 1), 0);
    let none = Accounts { starts: &[], positions: &[] };
    none.sum(Isa::detect(), &rows, &mut Rows::zeros(0, 0));
    none.worst(Isa::detect(), &rows, &mut []);
}

#[test]
fn columns_and_contracts_that_make_no_price_are_refused() {
    let refused = |column| Columns::new(&[PLAIN, column]).expect_err("refused");
    assert_eq!(refused(Column { forward: 0.0, ..PLAIN }), Refusal::Forward(0.0));
    assert_eq!(refused(Column { vol_multiplier: -0.1, ..PLAIN }), Refusal::VolMultiplier(-0.1));
    assert_eq!(refused(Column { vol_floor: f64::INFINITY, ..PLAIN }), Refusal::VolFloor(f64::INFINITY));
    assert_eq!(refused(Column { years: -1.0, ..PLAIN }), Refusal::Years(-1.0));
    assert_eq!(refused(Column { discount: -1.0, ..PLAIN }), Refusal::Discount(-1.0));
    assert_eq!(Contract::new(Right::Call, -5.0, 1.0), Err(Refusal::Strike(-5.0)));
    assert_eq!(Contract::new(Right::Call, 5.0, -1.0), Err(Refusal::Vol(-1.0)));
}

#[test]
fn a_row_does_not_depend_on_the_other_contracts() {
    // More than one batch, the last of them incomplete.
    let contracts: Vec<(Right, f64, f64)> = (0..70)
        .map(|i| (if i % 3 == 0 { Right::Put } else { Right::Call }, 50.0 + count(i), 0.02 * count(i)))
        .collect();
    let columns: Vec<Column> = (0..11).map(|j| Column { forward: 60.0 + 9.0 * count(j), ..PLAIN }).collect();
    let kernel = Columns::new(&columns).expect("valid");
    let prepared: Vec<Contract> =
        contracts.iter().map(|&(right, strike, vol)| Contract::new(right, strike, vol).expect("valid")).collect();
    let mut stdevs = Rows::zeros(contracts.len(), columns.len());
    for row in 0..contracts.len() {
        stdevs.fill_row(row, |j| 0.01 * count(row + j));
    }
    for isa in Isa::available() {
        let together = priced(isa, &columns, &contracts);
        let mut tilted = Rows::zeros(contracts.len(), columns.len());
        kernel.price_with_stdevs(isa, &prepared, &stdevs, &mut tilted, 0);
        for row in 0..contracts.len() {
            assert_eq!(together.row(row), priced(isa, &columns, &contracts[row..=row]).row(0), "{isa} {row}");
            let (mut own, mut alone) = (Rows::zeros(1, columns.len()), Rows::zeros(1, columns.len()));
            own.fill_row(0, |j| stdevs.row(row)[j]);
            kernel.price_with_stdevs(isa, &prepared[row..=row], &own, &mut alone, 0);
            assert_eq!(tilted.row(row), alone.row(0), "{isa} {row}");
        }
    }
}
