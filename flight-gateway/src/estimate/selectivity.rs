//! Which part of the rows a condition keeps.
//!
//! By what is known of columns: a comparison with a constant keeps a share of the span between their bounds, an equality one of the
//! different values. A condition that no row can satisfy keeps exactly nothing; that is what files and row groups are left out by.

use datafusion_expr::expr::{Between, InList, Like};
use datafusion_expr::{BinaryExpr, Expr, Operator};

use super::tables::{Column, Value, of_scalar};

/// A condition of which nothing can be told.
const UNKNOWN: f64 = 0.2;
/// An equality with a column whose different values are not known.
const EQUAL: f64 = 0.005;
/// A comparison with a column whose bounds are not known.
const COMPARED: f64 = 0.3;
/// A pattern that begins with what is searched, and one that has it anywhere.
const PREFIX: f64 = 0.02;
const PATTERN: f64 = 0.05;
/// What a condition keeps at least, unless it keeps nothing.
const LEAST: f64 = 1e-9;

/// What is known of the columns of a row, by their names.
pub(super) trait Columns {
    fn column(&self, column: &datafusion_common::Column) -> Option<&Column>;
}

/// The part of the rows that satisfies all conditions.
pub(super) fn all(conditions: &[Expr], columns: &impl Columns) -> f64 {
    conjunction(conditions.iter().flat_map(datafusion_expr::utils::split_conjunction).collect(), columns)
}

/// Conditions on one column are seldom independent: two bounds of a range keep what is between them.
fn conjunction(conditions: Vec<&Expr>, columns: &impl Columns) -> f64 {
    let mut ranges: Vec<(&datafusion_common::Column, Range)> = Vec::new();
    let mut kept = 1.0;
    for condition in conditions {
        match range(condition) {
            Some((column, range)) if columns.column(column).is_some() => {
                match ranges.iter_mut().find(|(known, _)| *known == column) {
                    Some((_, known)) => known.narrow(range),
                    None => ranges.push((column, range)),
                }
            }
            _ => kept *= part(condition, columns),
        }
    }
    for (column, range) in ranges {
        kept *= columns.column(column).map_or(UNKNOWN, |column| range.part(column));
    }
    kept
}

/// The part of the rows that satisfies a condition.
pub(super) fn part(condition: &Expr, columns: &impl Columns) -> f64 {
    let kept = match condition {
        Expr::Alias(alias) => part(&alias.expr, columns),
        Expr::BinaryExpr(BinaryExpr { op: Operator::And, .. }) => {
            conjunction(datafusion_expr::utils::split_conjunction(condition), columns)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (left, right) = (part(left, columns), part(right, columns));
            left + right - left * right
        }
        Expr::BinaryExpr(binary) => compared(binary, columns),
        Expr::Not(inner) => 1.0 - part(inner, columns),
        Expr::IsNull(inner) => null_part(inner, columns).unwrap_or(EQUAL),
        Expr::IsNotNull(inner) => 1.0 - null_part(inner, columns).unwrap_or(0.0),
        Expr::Between(Between { expr, negated, low, high }) => {
            let bounds = [(expr, Operator::GtEq, low), (expr, Operator::LtEq, high)];
            let bounds = bounds.map(|(l, op, r)| Expr::BinaryExpr(BinaryExpr::new(l.clone(), op, r.clone())));
            let kept = conjunction(bounds.iter().collect(), columns);
            if *negated { 1.0 - kept } else { kept }
        }
        Expr::InList(list) => in_list(list, columns),
        Expr::Like(like) => pattern(like),
        Expr::Literal(scalar, _) => match of_scalar(scalar) {
            Some(Value::Number(number)) if number != 0.0 => 1.0,
            _ => 0.0,
        },
        Expr::Column(column) => columns.column(column).map_or(0.5, |_| 0.5),
        _ => UNKNOWN,
    };
    kept.clamp(0.0, 1.0)
}

/// Values between two bounds; `None` is open.
#[derive(Default)]
struct Range {
    low: Option<Value>,
    high: Option<Value>,
    equal: Option<Value>,
}

impl Range {
    fn narrow(&mut self, other: Range) {
        let later = |a: Option<Value>, b: Option<Value>| match (a, b) {
            (Some(a), Some(b)) => Some(if b > a { b } else { a }),
            (a, b) => a.or(b),
        };
        let earlier = |a: Option<Value>, b: Option<Value>| match (a, b) {
            (Some(a), Some(b)) => Some(if b < a { b } else { a }),
            (a, b) => a.or(b),
        };
        self.low = later(self.low.take(), other.low);
        self.high = earlier(self.high.take(), other.high);
        self.equal = self.equal.take().or(other.equal);
    }

    fn part(&self, column: &Column) -> f64 {
        let values = 1.0 - column.null_part;
        if let Some(equal) = &self.equal {
            let is_outside = column.min.as_ref().is_some_and(|min| equal < min)
                || column.max.as_ref().is_some_and(|max| equal > max);
            return if is_outside { 0.0 } else { values * column.distinct.map_or(EQUAL, |distinct| 1.0 / distinct) };
        }
        let (Some(min), Some(max)) = (&column.min, &column.max) else { return COMPARED * values };
        let is_empty = self.low.as_ref().is_some_and(|low| low > max)
            || self.high.as_ref().is_some_and(|high| high < min)
            || self.low.as_ref().zip(self.high.as_ref()).is_some_and(|(low, high)| low > high);
        if is_empty {
            return 0.0;
        }
        let (low, high) = (self.low.as_ref().unwrap_or(min), self.high.as_ref().unwrap_or(max));
        let Some((min, max)) = number(min, column).zip(number(max, column)) else { return COMPARED * values };
        let Some((low, high)) = number(low, column).zip(number(high, column)) else { return COMPARED * values };
        // Whole numbers: from 3 to 3 is one value of many, not none.
        let step = column.distinct.map_or(0.0, |distinct| (max - min) / distinct.max(1.0));
        let part = (high.min(max) - low.max(min) + step) / (max - min + step).max(f64::MIN_POSITIVE);
        values * part.clamp(LEAST, 1.0)
    }
}

/// A value on a scale; of texts the first bytes count.
fn number(value: &Value, column: &Column) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => {
            let (Some(Value::Text(min)), Some(Value::Text(max))) = (&column.min, &column.max) else { return None };
            // What all values begin with tells nothing.
            let same = min.bytes().zip(max.bytes()).take_while(|(a, b)| a == b).count();
            let bytes = text.as_bytes().iter().skip(same).chain(std::iter::repeat(&0)).take(6);
            Some(bytes.fold(0.0, |sum, &byte| sum * 256.0 + f64::from(byte)))
        }
    }
}

/// A comparison of a column with a constant, either way round.
fn range(condition: &Expr) -> Option<(&datafusion_common::Column, Range)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else { return None };
    let (column, value, op) = match (column_of(left), column_of(right)) {
        (Some(column), _) => (column, constant(right)?, *op),
        (_, Some(column)) => (column, constant(left)?, op.swap()?),
        _ => return None,
    };
    let range = match op {
        Operator::Eq | Operator::IsNotDistinctFrom => Range { equal: Some(value), ..Range::default() },
        Operator::Lt | Operator::LtEq => Range { high: Some(value), ..Range::default() },
        Operator::Gt | Operator::GtEq => Range { low: Some(value), ..Range::default() },
        _ => return None,
    };
    Some((column, range))
}

fn constant(expr: &Expr) -> Option<Value> {
    match expr {
        Expr::Literal(scalar, _) => of_scalar(scalar),
        Expr::Cast(cast) => constant(&cast.expr),
        Expr::TryCast(cast) => constant(&cast.expr),
        _ => None,
    }
}

/// The column that an expression is, casts aside.
pub(super) fn column_of(expr: &Expr) -> Option<&datafusion_common::Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => column_of(&alias.expr),
        Expr::Cast(cast) => column_of(&cast.expr),
        Expr::TryCast(cast) => column_of(&cast.expr),
        _ => None,
    }
}

/// A comparison other than of a column with a constant.
fn compared(binary: &BinaryExpr, columns: &impl Columns) -> f64 {
    let condition = Expr::BinaryExpr(binary.clone());
    if let Some((column, range)) = range(&condition) {
        return columns.column(column).map_or(UNKNOWN, |column| range.part(column));
    }
    let distinct = |expr: &Expr| column_of(expr).and_then(|column| columns.column(column)?.distinct);
    let most = distinct(&binary.left)
        .into_iter()
        .chain(distinct(&binary.right))
        .fold(None, |most: Option<f64>, d| Some(most.map_or(d, |most| most.max(d))));
    let equal = most.map_or(EQUAL * 10.0, |distinct| 1.0 / distinct);
    match binary.op {
        Operator::Eq | Operator::IsNotDistinctFrom => equal,
        Operator::NotEq | Operator::IsDistinctFrom => 1.0 - equal,
        Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => COMPARED,
        Operator::RegexMatch | Operator::RegexIMatch | Operator::LikeMatch | Operator::ILikeMatch => PATTERN,
        Operator::RegexNotMatch | Operator::RegexNotIMatch | Operator::NotLikeMatch | Operator::NotILikeMatch => {
            1.0 - PATTERN
        }
        _ => UNKNOWN,
    }
}

fn null_part(expr: &Expr, columns: &impl Columns) -> Option<f64> {
    column_of(expr).and_then(|column| columns.column(column)).map(|column| column.null_part)
}

fn in_list(list: &InList, columns: &impl Columns) -> f64 {
    let equal = |item: &Expr| {
        part(&Expr::BinaryExpr(BinaryExpr::new(list.expr.clone(), Operator::Eq, Box::new(item.clone()))), columns)
    };
    // A long list is like its beginning.
    let looked_at = list.list.len().min(1000);
    let kept: f64 = list.list.iter().take(looked_at).map(equal).sum();
    let kept = (kept * list.list.len() as f64 / looked_at.max(1) as f64).min(1.0);
    if list.negated { 1.0 - kept } else { kept }
}

fn pattern(like: &Like) -> f64 {
    let kept = match constant(&like.pattern) {
        Some(Value::Text(text)) if text.starts_with(['%', '_']) => match text.trim_matches('%') {
            "" => 1.0,
            _ => PATTERN,
        },
        Some(Value::Text(text)) if text.contains(['%', '_']) => PREFIX,
        Some(Value::Text(_)) => EQUAL,
        _ => PATTERN,
    };
    if like.negated { 1.0 - kept } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion_expr::{col, lit};

    struct One(Column);

    impl Columns for One {
        fn column(&self, column: &datafusion_common::Column) -> Option<&Column> {
            (column.name == "i").then_some(&self.0)
        }
    }

    fn check(condition: Expr, expected: f64) {
        let number = |value: f64| Some(Value::Number(value));
        let column =
            Column { width: 4.0, distinct: Some(100.0), min: number(1.0), max: number(100.0), ..Column::default() };
        let kept = part(&condition, &One(column));
        assert!((kept - expected).abs() < 0.011, "{condition}: {kept}, not {expected}");
    }

    #[test]
    fn bounds_tell_what_is_kept() {
        let i = || col("i");
        check(i().eq(lit(5)), 0.01);
        check(i().eq(lit(500)), 0.0);
        check(lit(50).lt(i()), 0.5);
        check(i().lt_eq(lit(25)), 0.25);
        check(i().gt(lit(100)), 0.01);
        check(i().gt(lit(101)), 0.0);
        check(i().gt(lit(20)).and(i().lt(lit(30))), 0.1);
        check(i().gt(lit(30)).and(i().lt(lit(20))), 0.0);
        check(i().between(lit(11), lit(30)), 0.2);
        check(i().lt(lit(50)).or(i().gt(lit(50))), 0.75);
        check(i().in_list(vec![lit(1), lit(2), lit(700)], false), 0.02);
        check(i().not_eq(lit(5)), 0.99);
        check(i().is_null(), 0.0);
        check(lit(false), 0.0);
        check(col("unknown").gt(lit(1)), UNKNOWN);
        check(col("s").like(lit("%")), 1.0);
    }
}
