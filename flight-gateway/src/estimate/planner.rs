//! DataFusion's plan of a statement.
//!
//! It gives names their columns, decorrelates subqueries, pushes conditions down to what they are about and leaves out columns that nobody
//! needs. How joins are ordered and what runs is DuckDB's affair, and followed in `operators`; so no physical plan is made, and nothing of
//! DataFusion's that could run one is in the program.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{DFSchema, Result, TableReference, plan_err};
use datafusion_expr::logical_plan::builder::LogicalTableSource;
use datafusion_expr::planner::{
    ContextProvider, ExprPlanner, PlannerResult, RawAggregateExpr, RawDictionaryExpr, RawFieldAccessExpr,
    RawWindowExpr, TypePlanner,
};
use datafusion_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, ScalarUDF, TableProviderFilterPushDown, TableSource, WindowUDF,
    expr::{AggregateFunction, ScalarFunction, WindowFunction, WindowFunctionParams},
    lit,
};
use datafusion_optimizer::analyzer::Analyzer;
use datafusion_optimizer::decorrelate_lateral_join::DecorrelateLateralJoin;
use datafusion_optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion_optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion_optimizer::eliminate_filter::EliminateFilter;
use datafusion_optimizer::eliminate_outer_join::EliminateOuterJoin;
use datafusion_optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion_optimizer::optimize_projections::OptimizeProjections;
use datafusion_optimizer::push_down_filter::PushDownFilter;
use datafusion_optimizer::push_down_limit::PushDownLimit;
use datafusion_optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;
use datafusion_optimizer::rewrite_set_comparison::RewriteSetComparison;
use datafusion_optimizer::scalar_subquery_to_join::ScalarSubqueryToJoin;
use datafusion_optimizer::simplify_expressions::SimplifyExpressions;
use datafusion_optimizer::{Optimizer, OptimizerContext};
use datafusion_sql::planner::{ParserOptions, SqlToRel};
use datafusion_sql::sqlparser::ast::{self, Query, Statement};

use super::known::Known;
use super::relations::{self, place_of};
use super::tables::Table;
use super::{bounds, functions};

/// How deep views may stand on views.
const MAX_VIEWS: usize = 16;

/// The plan of a query over what is known of the relations at its places, the first of which has this number.
///
/// # Errors
/// When DataFusion cannot make one.
pub(super) fn plan(query: Query, places: &[Option<Known>], first: usize) -> Result<LogicalPlan> {
    let places = (first..).zip(places.iter().cloned()).collect();
    let catalog = Catalog { places: RefCell::new(places), depth: 0, options: &OPTIONS };
    let plan = catalog.plan(query)?;
    let plan = Analyzer::new().execute_and_check(plan, &OPTIONS, |_, _| {})?;
    OPTIMIZER.optimize(plan, &OptimizerContext::new_with_config_options(Arc::new(OPTIONS.clone())), |_, _| {})
}

static OPTIONS: LazyLock<ConfigOptions> = LazyLock::new(|| {
    let mut options = ConfigOptions::default();
    options.optimizer.max_passes = 2;
    options.optimizer.skip_failed_rules = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options
});

/// The rules that change what is read, kept or joined; those that only save work in running are left out.
static OPTIMIZER: LazyLock<Optimizer> = LazyLock::new(|| {
    Optimizer::with_rules(vec![
        Arc::new(RewriteSetComparison::new()),
        Arc::new(SimplifyExpressions::new()),
        Arc::new(ReplaceDistinctWithAggregate::new()),
        Arc::new(DecorrelatePredicateSubquery::new()),
        Arc::new(ScalarSubqueryToJoin::new()),
        Arc::new(DecorrelateLateralJoin::new()),
        Arc::new(ExtractEquijoinPredicate::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(EliminateCrossJoin::new()),
        Arc::new(EliminateOuterJoin::new()),
        Arc::new(PushDownLimit::new()),
        Arc::new(PushDownFilter::new()),
        Arc::new(OptimizeProjections::new()),
    ])
});

/// A relation in a plan: what is known of it, and the place in FROM where it is read.
pub(super) struct Source {
    pub(super) table: Arc<Table>,
    view: Option<LogicalPlan>,
}

impl TableSource for Source {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.table.schema)
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    fn get_logical_plan(&'_ self) -> Option<Cow<'_, LogicalPlan>> {
        self.view.as_ref().map(Cow::Borrowed)
    }
}

/// What the names in a query are.
struct Catalog<'a> {
    /// By the number of the place; those in views are added as they are met.
    places: RefCell<HashMap<usize, Option<Known>>>,
    depth: usize,
    options: &'a ConfigOptions,
}

impl Catalog<'_> {
    fn plan(&self, query: Query) -> Result<LogicalPlan> {
        let options = ParserOptions::new().with_map_string_types_to_utf8view(false);
        let planner = SqlToRel::new_with_options(self, options);
        planner.sql_statement_to_plan(Statement::Query(Box::new(query)))
    }

    /// The plan of a view's query.
    fn view(&self, known: &Known) -> Result<LogicalPlan> {
        if self.depth >= MAX_VIEWS {
            return plan_err!("views stand on views more than {MAX_VIEWS} deep");
        }
        if let Some(reason) = bounds::refusal(&known.told.definition) {
            return plan_err!("the query of a view cannot be planned: {reason}");
        }
        let first = self.places.borrow().keys().max().map_or(0, |last| last + 1);
        let parsed = relations::parse(&known.told.definition, first);
        let Some((query, reads)) =
            parsed.ok().and_then(|mut all| all.pop()).and_then(|one| Some((one.query?, one.places)))
        else {
            return plan_err!("the query of a view cannot be parsed");
        };
        {
            let mut places = self.places.borrow_mut();
            for (at, read) in reads.iter().enumerate() {
                places.insert(first + at, read.as_ref().and_then(|relation| known.read(relation)));
            }
        }
        let inner = Catalog {
            places: RefCell::new(self.places.borrow().clone()),
            depth: self.depth + 1,
            options: self.options,
        };
        let plan = inner.plan(query)?;
        self.places.borrow_mut().extend(inner.places.into_inner());
        Ok(plan)
    }
}

impl ContextProvider for Catalog<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let known = place_of(name.table()).and_then(|place| self.places.borrow().get(&place).cloned().flatten());
        let Some(known) = known else { return plan_err!("nothing is known of a relation") };
        let Some(table) = known.table.clone() else { return plan_err!("the columns of a relation are not known") };
        let view = if known.is_view() { Some(self.view(&known)?) } else { None };
        Ok(Arc::new(Source { table, view }))
    }

    fn create_cte_work_table(&self, _: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(Arc::new(LogicalTableSource::new(schema)))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &EXPRESSIONS
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(Expressions))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        functions::scalar(name)
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        functions::aggregate(name)
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        functions::window(name)
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.options
    }

    fn udf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}

static EXPRESSIONS: LazyLock<Vec<Arc<dyn ExprPlanner>>> = LazyLock::new(|| vec![Arc::new(Expressions)]);

/// Expressions that are functions in disguise.
#[derive(Debug)]
struct Expressions;

impl Expressions {
    fn call<T>(name: &str, arguments: Vec<Expr>) -> Result<PlannerResult<T>> {
        match functions::scalar(name) {
            Some(function) => {
                Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments))))
            }
            None => plan_err!("{name} is no function of values"),
        }
    }

    /// `count(*)` counts rows.
    #[expect(deprecated, reason = "the planner gives the star of count(*) as this")]
    fn without_star(arguments: Vec<Expr>) -> Vec<Expr> {
        match arguments.as_slice() {
            [] | [Expr::Wildcard { .. }] => vec![lit(1_i64)],
            _ => arguments,
        }
    }
}

impl ExprPlanner for Expressions {
    fn plan_extract(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Self::call("date_part", arguments)
    }

    fn plan_substring(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Self::call("substring", arguments)
    }

    fn plan_position(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Self::call("position", arguments)
    }

    fn plan_overlay(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Self::call("overlay", arguments)
    }

    fn plan_array_literal(&self, items: Vec<Expr>, _: &DFSchema) -> Result<PlannerResult<Vec<Expr>>> {
        Self::call("list_value", items)
    }

    fn plan_struct_literal(&self, items: Vec<Expr>, _: bool) -> Result<PlannerResult<Vec<Expr>>> {
        Self::call("struct_pack", items)
    }

    fn plan_dictionary_literal(
        &self,
        literal: RawDictionaryExpr,
        _: &DFSchema,
    ) -> Result<PlannerResult<RawDictionaryExpr>> {
        Self::call("struct_pack", literal.values)
    }

    fn plan_field_access(&self, access: RawFieldAccessExpr, _: &DFSchema) -> Result<PlannerResult<RawFieldAccessExpr>> {
        Self::call("struct_extract", vec![access.expr])
    }

    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        _: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let column = datafusion_common::Column::new(qualifier.cloned(), field.name());
        Self::call("struct_extract", vec![Expr::Column(column)])
    }

    fn plan_aggregate(&self, raw: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        let RawAggregateExpr { func, args, distinct, filter, order_by, null_treatment } = raw;
        let args = Self::without_star(args);
        let aggregate = AggregateFunction::new_udf(func, args, distinct, filter, order_by, null_treatment);
        Ok(PlannerResult::Planned(Expr::AggregateFunction(aggregate)))
    }

    fn plan_window(&self, raw: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        let args = match raw.func_def.name() {
            "count" => Self::without_star(raw.args),
            _ => raw.args,
        };
        let params = WindowFunctionParams {
            args,
            partition_by: raw.partition_by,
            order_by: raw.order_by,
            window_frame: raw.window_frame,
            filter: raw.filter,
            null_treatment: raw.null_treatment,
            distinct: raw.distinct,
        };
        let window = WindowFunction { fun: raw.func_def, params };
        Ok(PlannerResult::Planned(Expr::from(window)))
    }
}

impl TypePlanner for Expressions {
    fn plan_type_field(&self, kind: &ast::DataType) -> Result<Option<FieldRef>> {
        let kind = match kind {
            ast::DataType::HugeInt | ast::DataType::UHugeInt => DataType::Decimal128(38, 0),
            // What is no type of the planner's is read as text.
            ast::DataType::Custom(..) | ast::DataType::Uuid | ast::DataType::JSON | ast::DataType::Bit(_) => {
                DataType::Utf8
            }
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Field::new("", kind, true))))
    }
}
