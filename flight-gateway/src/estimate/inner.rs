//! Inner joins that stand together, gathered from a plan to be ordered anew.

use datafusion_common::{DFSchemaRef, JoinType};
use datafusion_expr::utils::split_conjunction_owned;
use datafusion_expr::{Expr, LogicalPlan};

use super::joins::{self, Edge, Leaf, MAX_LEAVES};
use super::operators::{Step, Walk, capped, is_apart, total_width};
use super::selectivity::{self, Columns, column_of};
use super::tables::Column;

/// Relations that are joined by inner joins, and by what.
#[derive(Default)]
struct Inner {
    leaves: Vec<(Step, DFSchemaRef)>,
    equal: Vec<(Expr, Expr)>,
    conditions: Vec<Expr>,
}

/// A column by its relation and its place there.
type Place = (usize, usize);

impl Walk {
    /// A tree of inner joins.
    pub(super) fn inner(&mut self, plan: &LogicalPlan) -> Step {
        let mut inner = Inner::default();
        self.gather(plan, &mut inner);
        if inner.leaves.len() > MAX_LEAVES {
            self.unknown.insert("in which order so many relations are joined".to_owned());
            inner.leaves.sort_by(|a, b| b.0.operator.rows.total_cmp(&a.0.operator.rows));
            inner.leaves.truncate(MAX_LEAVES);
        }
        inner.join(plan)
    }

    fn gather(&mut self, plan: &LogicalPlan, inner: &mut Inner) {
        match plan {
            LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
                inner.equal.extend(join.on.iter().cloned());
                inner.conditions.extend(join.filter.iter().cloned().flat_map(split_conjunction_owned));
                self.gather(&join.left, inner);
                self.gather(&join.right, inner);
            }
            LogicalPlan::Projection(projection)
                if leads_to_join(&projection.input)
                    && projection.expr.iter().all(|expr| matches!(expr, Expr::Column(_))) =>
            {
                self.gather(&projection.input, inner);
            }
            LogicalPlan::Filter(filter) if leads_to_join(&filter.input) => {
                inner.conditions.extend(split_conjunction_owned(filter.predicate.clone()));
                self.gather(&filter.input, inner);
            }
            other => {
                let step = self.step(other);
                inner.leaves.push((step, other.schema().clone()));
            }
        }
    }
}

fn leads_to_join(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(join) => join.join_type == JoinType::Inner,
        LogicalPlan::Projection(projection) => {
            projection.expr.iter().all(|expr| matches!(expr, Expr::Column(_))) && leads_to_join(&projection.input)
        }
        LogicalPlan::Filter(filter) => leads_to_join(&filter.input),
        _ => false,
    }
}

impl Columns for Inner {
    fn column(&self, column: &datafusion_common::Column) -> Option<&Column> {
        self.place(column).map(|(leaf, at)| &self.leaves[leaf].0.columns[at])
    }
}

impl Inner {
    fn place(&self, column: &datafusion_common::Column) -> Option<Place> {
        self.leaves.iter().enumerate().find_map(|(leaf, (step, schema))| {
            let at = schema.maybe_index_of_column(column)?;
            (at < step.columns.len()).then_some((leaf, at))
        })
    }

    /// The relations that an expression is about, as a set.
    fn set(&self, expr: &Expr) -> u64 {
        expr.column_refs().into_iter().filter_map(|column| self.place(column)).fold(0, |set, (leaf, _)| set | 1 << leaf)
    }

    /// A side of an equality: its relation, its column there, and how many different values it has.
    fn side(&self, expr: &Expr) -> Option<(usize, Option<usize>, f64)> {
        if let Some((leaf, at)) = column_of(expr).and_then(|column| self.place(column)) {
            let (step, column) = (&self.leaves[leaf].0, &self.leaves[leaf].0.columns[at]);
            let most = step.base_rows.max(1.0);
            return Some((leaf, Some(at), column.domain.or(column.distinct).map_or(most, |values| values.min(most))));
        }
        let set = self.set(expr);
        (set.count_ones() == 1).then(|| {
            let leaf = set.trailing_zeros() as usize;
            (leaf, None, self.leaves[leaf].0.base_rows.max(1.0))
        })
    }

    /// The equalities between relations; others become conditions.
    fn edges(&mut self) -> (Vec<Edge>, Vec<(Place, Place)>) {
        let (mut edges, mut places): (Vec<Edge>, Vec<(Place, Place)>) = (Vec::new(), Vec::new());
        let mut classes: Vec<Vec<Place>> = Vec::new();
        for (left, right) in std::mem::take(&mut self.equal) {
            let sides = self.side(&left).zip(self.side(&right)).filter(|(l, r)| l.0 != r.0);
            let Some((l, r)) = sides else {
                self.conditions.push(left.eq(right));
                continue;
            };
            // An expression is in a class of its own.
            let unique = usize::MAX - edges.len();
            let ends = [(l.0, l.1.unwrap_or(unique)), (r.0, r.1.unwrap_or(unique))];
            let class_of = |end: &Place, classes: &[Vec<Place>]| classes.iter().position(|class| class.contains(end));
            let class = match ends.map(|end| class_of(&end, &classes)) {
                [Some(a), Some(b)] if a != b => {
                    let merged = std::mem::take(&mut classes[b]);
                    classes[a].extend(merged);
                    edges.iter_mut().filter(|edge| edge.class == b).for_each(|edge| edge.class = a);
                    a
                }
                [Some(a), _] | [None, Some(a)] => {
                    classes[a].extend(ends);
                    a
                }
                [None, None] => {
                    classes.push(ends.to_vec());
                    classes.len() - 1
                }
            };
            edges.push(Edge { sides: [(l.0, l.2), (r.0, r.2)], class });
            places.extend(l.1.zip(r.1).map(|(a, b)| ((l.0, a), (r.0, b))));
        }
        (edges, places)
    }

    fn join(mut self, plan: &LogicalPlan) -> Step {
        let (edges, equal) = self.edges();
        let conditions: Vec<(u64, f64)> = self
            .conditions
            .iter()
            .map(|condition| (self.set(condition), selectivity::part(condition, &self)))
            .collect();
        let result: Vec<Option<Place>> = plan.schema().columns().iter().map(|column| self.place(column)).collect();
        // A column is carried for as long as something is still to be done with it.
        let needs: Vec<Vec<(f64, bool, u64)>> = self
            .leaves
            .iter()
            .enumerate()
            .map(|(leaf, (step, schema))| {
                let need = |at: usize, column: &Column| {
                    let name = schema.columns().get(at).cloned();
                    let in_conditions =
                        self.conditions.iter().filter(|c| name.as_ref().is_some_and(|n| c.column_refs().contains(n)));
                    let joined = equal
                        .iter()
                        .filter(|(a, b)| [*a, *b].contains(&(leaf, at)))
                        .map(|(a, b)| 1_u64 << a.0 | 1 << b.0);
                    let set =
                        in_conditions.map(|condition| self.set(condition)).chain(joined).fold(0, |all, set| all | set);
                    (column.width, result.contains(&Some((leaf, at))), set)
                };
                step.columns.iter().enumerate().map(|(at, column)| need(at, column)).collect()
            })
            .collect();
        let width = |set: u64| {
            let columns =
                needs.iter().enumerate().filter(|(leaf, _)| set & (1 << leaf) != 0).flat_map(|(_, columns)| columns);
            let carried = columns.filter(|(_, is_result, needed)| *is_result || needed & !set != 0);
            let sum = |(all, has_heap): (f64, bool), (width, ..): &(f64, bool, u64)| {
                (all + width, has_heap || is_apart(*width))
            };
            let (width, has_heap) = carried.fold((0.0, false), sum);
            (width.max(1.0), has_heap)
        };
        let kept = |set: u64| {
            let within = conditions.iter().filter(|(needed, _)| needed & !set == 0);
            within.map(|(_, part)| part).product::<f64>()
        };
        let columns: Vec<Column> =
            result.iter().map(|place| place.map(|place| self.carried(place, &equal)).unwrap_or_default()).collect();
        let leaf = |(step, _): (Step, DFSchemaRef)| Leaf { operator: step.operator, base_rows: step.base_rows };
        let leaves: Vec<Leaf> = self.leaves.into_iter().map(leaf).collect();
        let Some(mut operator) = joins::join(leaves, &edges, &width, &kept) else {
            let operator = super::memory::Operator::new(super::memory::Kind::Stream, 0.0, 0.0, Vec::new());
            return Step { operator, columns, base_rows: 0.0 };
        };
        let columns = capped(columns, operator.rows);
        operator.width = total_width(&columns);
        let rows = operator.rows;
        Step { operator, columns, base_rows: rows }
    }

    /// A column of the result: what it is equal to leaves it no more different values than that has.
    fn carried(&self, place: Place, equal: &[(Place, Place)]) -> Column {
        let column = |(leaf, at): Place| &self.leaves[leaf].0.columns[at];
        let mut carried = column(place).clone();
        for (a, b) in equal.iter().filter(|(a, b)| *a == place || *b == place) {
            let other = if *a == place { *b } else { *a };
            carried.distinct = match (carried.distinct, column(other).distinct) {
                (Some(own), Some(others)) => Some(own.min(others)),
                (own, others) => own.or(others),
            };
        }
        carried
    }
}
