BEGIN
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "connection_name": "list_tavana"} */

    select distinct nspname from pg_namespace
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "connection_name": "create_tavana_dbt_demo"} */
create schema if not exists "dbt_demo"
--;
COMMIT
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "connection_name": "list_tavana_dbt_demo"} */
select
      'tavana' as database,
      tablename as name,
      schemaname as schema,
      'table' as type
    from pg_tables
    where schemaname ilike 'dbt_demo'
    union all
    select
      'tavana' as database,
      viewname as name,
      schemaname as schema,
      'view' as type
    from pg_views
    where schemaname ilike 'dbt_demo'
    union all
    select
      'tavana' as database,
      matviewname as name,
      schemaname as schema,
      'materialized_view' as type
    from pg_matviews
    where schemaname ilike 'dbt_demo'
--;
ROLLBACK
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "connection_name": "master"} */
select distinct
        dependent_namespace.nspname as dependent_schema,
        dependent_class.relname as dependent_name,
        referenced_namespace.nspname as referenced_schema,
        referenced_class.relname as referenced_name

    -- Query for views: views are entries in pg_class with an entry in pg_rewrite, but we avoid
    -- a seq scan on pg_rewrite by leveraging the fact there is an "internal" row in pg_depend for
    -- the view...
    from pg_class as dependent_class
    join pg_namespace as dependent_namespace on dependent_namespace.oid = dependent_class.relnamespace
    join pg_depend as dependent_depend on dependent_depend.refobjid = dependent_class.oid
        and dependent_depend.classid = 'pg_rewrite'::regclass
        and dependent_depend.refclassid = 'pg_class'::regclass
        and dependent_depend.deptype = 'i'

    -- ... and via pg_depend (that has a row per column, hence the need for "distinct" above, and
    -- making sure to exclude the internal row to avoid a view appearing to depend on itself)...
    join pg_depend as joining_depend on joining_depend.objid = dependent_depend.objid
        and joining_depend.classid = 'pg_rewrite'::regclass
        and joining_depend.refclassid = 'pg_class'::regclass
        and joining_depend.refobjid != dependent_depend.refobjid

    -- ... we can find the tables they query from in pg_class, but excluding system tables. Note we
    -- don't need need to exclude _dependent_ system tables, because they only query from other
    -- system tables, and so are automatically excluded by excluding _referenced_ system tables
    join pg_class as referenced_class on referenced_class.oid = joining_depend.refobjid
    join pg_namespace as referenced_namespace on referenced_namespace.oid = referenced_class.relnamespace
        and referenced_namespace.nspname != 'information_schema'
        and referenced_namespace.nspname not like 'pg\_%'

    order by
        dependent_schema, dependent_name, referenced_schema, referenced_name
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "seed.demo.s"} */

    create table "tavana"."dbt_demo"."s" ("a" integer,"b" text)
--;
insert into "tavana"."dbt_demo"."s" ("a", "b") values
          (1,'x'),(2,'y')
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.one"} */




  create  table "tavana"."dbt_demo"."one__dbt_tmp"


    as

  (
     select id, name from public.customers
  )
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.one"} */

    create unique index if not exists
  "958d8f8e8477b8eab4220507c3f3b7fd"
  on "tavana"."dbt_demo"."one__dbt_tmp"
  (id)
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.one"} */
alter table "tavana"."dbt_demo"."one__dbt_tmp" rename to "one"
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.one"} */



  comment on table "tavana"."dbt_demo"."one" is $dbt_comment_literal_block$first$dbt_comment_literal_block$
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.one"} */

      select
          column_name,
          data_type,
          character_maximum_length,
          numeric_precision,
          numeric_scale

      from "tavana".INFORMATION_SCHEMA.columns
      where table_name = 'one'

        and table_schema = 'dbt_demo'

      order by ordinal_position
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.one"} */






    comment on column "tavana"."dbt_demo"."one".id is $dbt_comment_literal_block$key$dbt_comment_literal_block$
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.one"} */
drop table if exists "tavana"."dbt_demo"."one__dbt_backup" cascade
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.three"} */





  create  table "tavana"."dbt_demo"."three"


    as

  (
     select id, name from "tavana"."dbt_demo"."one"
  )
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.two"} */

  create view "tavana"."dbt_demo"."two__dbt_tmp"


  as (
     select * from "tavana"."dbt_demo"."one"
  )
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.two"} */
alter table "tavana"."dbt_demo"."two__dbt_tmp" rename to "two"
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.two"} */
drop view if exists "tavana"."dbt_demo"."two__dbt_backup" cascade
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.one"} */

    create unique index if not exists
  "66360bfda3fb06c72b81bf87971b541c"
  on "tavana"."dbt_demo"."one__dbt_tmp"
  (id)
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.one"} */
alter table "tavana"."dbt_demo"."one" rename to "one__dbt_backup"
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.three"} */





  create temporary table "three__dbt_tmp234157036674"


    as

  (
     select id, name from "tavana"."dbt_demo"."one"
  )
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.three"} */

      select
          column_name,
          data_type,
          character_maximum_length,
          numeric_precision,
          numeric_scale

      from INFORMATION_SCHEMA.columns
      where table_name = 'three__dbt_tmp234157036674'

      order by ordinal_position
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.three"} */

      select
          column_name,
          data_type,
          character_maximum_length,
          numeric_precision,
          numeric_scale

      from "tavana".INFORMATION_SCHEMA.columns
      where table_name = 'three'

        and table_schema = 'dbt_demo'

      order by ordinal_position
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "model.demo.three"} */




        delete from "tavana"."dbt_demo"."three" as DBT_INTERNAL_DEST
        where (id) in (
            select distinct id
            from "three__dbt_tmp234157036674" as DBT_INTERNAL_SOURCE
        );



    insert into "tavana"."dbt_demo"."three" ("id", "name")
    (
        select "id", "name"
        from "three__dbt_tmp234157036674"
    )
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "snapshot.demo.snap"} */
select * from (



    select *,
        md5(coalesce(cast(id as varchar ), '')
         || '|' || coalesce(cast(now()::timestamp without time zone as varchar ), '')
        ) as dbt_scd_id,
        now()::timestamp without time zone as dbt_updated_at,
        now()::timestamp without time zone as dbt_valid_from,


  coalesce(nullif(now()::timestamp without time zone, now()::timestamp without time zone), null)
  as dbt_valid_to
from (
         select * from "tavana"."dbt_demo"."one"
    ) sbq



    ) as __dbt_sbq
    where false
    limit 0
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "snapshot.demo.snap"} */
select * from (
        select now()::timestamp without time zone as dbt_snapshot_time
    ) as __dbt_sbq
    where false
    limit 0
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "snapshot.demo.snap"} */





  create  table "tavana"."dbt_demo"."snap"


    as

  (



    select *,
        md5(coalesce(cast(id as varchar ), '')
         || '|' || coalesce(cast(now()::timestamp without time zone as varchar ), '')
        ) as dbt_scd_id,
        now()::timestamp without time zone as dbt_updated_at,
        now()::timestamp without time zone as dbt_valid_from,


  coalesce(nullif(now()::timestamp without time zone, now()::timestamp without time zone), null)
  as dbt_valid_to
from (
         select * from "tavana"."dbt_demo"."one"
    ) sbq



  )
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "snapshot.demo.snap"} */
select * from (
        select name from (
                 select * from "tavana"."dbt_demo"."one"
            ) subq
    ) as __dbt_sbq
    where false
    limit 0
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "snapshot.demo.snap"} */

      select
          column_name,
          data_type,
          character_maximum_length,
          numeric_precision,
          numeric_scale

      from "tavana".INFORMATION_SCHEMA.columns
      where table_name = 'snap'

        and table_schema = 'dbt_demo'

      order by ordinal_position
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "snapshot.demo.snap"} */





  create temporary table "snap__dbt_tmp234200596461"


    as

  (


    with snapshot_query as (

         select * from "tavana"."dbt_demo"."one"

    ),

    snapshotted_data as (

        select *,

        id as dbt_unique_key


        from "tavana"."dbt_demo"."snap"
        where

                dbt_valid_to is null


    ),

    insertions_source_data as (

        select *,

        id as dbt_unique_key

,
            now()::timestamp without time zone as dbt_updated_at,
            now()::timestamp without time zone as dbt_valid_from,


  coalesce(nullif(now()::timestamp without time zone, now()::timestamp without time zone), null)
  as dbt_valid_to
,
            md5(coalesce(cast(id as varchar ), '')
         || '|' || coalesce(cast(now()::timestamp without time zone as varchar ), '')
        ) as dbt_scd_id

        from snapshot_query
    ),

    updates_source_data as (

        select *,

        id as dbt_unique_key

,
            now()::timestamp without time zone as dbt_updated_at,
            now()::timestamp without time zone as dbt_valid_from,
            now()::timestamp without time zone as dbt_valid_to

        from snapshot_query
    ),

    insertions as (

        select
            'insert' as dbt_change_type,
            source_data.*

        from insertions_source_data as source_data
        left outer join snapshotted_data
            on

        snapshotted_data.dbt_unique_key = source_data.dbt_unique_key


            where

        snapshotted_data.dbt_unique_key is null


            or (

        snapshotted_data.dbt_unique_key is not null

 and (
               (snapshotted_data."name" != source_data."name"
        or
        (
            ((snapshotted_data."name" is null) and not (source_data."name" is null))
            or
            ((not snapshotted_data."name" is null) and (source_data."name" is null))
        ))
            )

        )

    ),

    updates as (

        select
            'update' as dbt_change_type,
            source_data.*,
            snapshotted_data.dbt_scd_id

        from updates_source_data as source_data
        join snapshotted_data
            on

        snapshotted_data.dbt_unique_key = source_data.dbt_unique_key


        where (
            (snapshotted_data."name" != source_data."name"
        or
        (
            ((snapshotted_data."name" is null) and not (source_data."name" is null))
            or
            ((not snapshotted_data."name" is null) and (source_data."name" is null))
        ))
        )
    )

    select * from insertions
    union all
    select * from updates

  )
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "snapshot.demo.snap"} */

      select
          column_name,
          data_type,
          character_maximum_length,
          numeric_precision,
          numeric_scale

      from INFORMATION_SCHEMA.columns
      where table_name = 'snap__dbt_tmp234200596461'

      order by ordinal_position
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "snapshot.demo.snap"} */
select * from (


    with snapshot_query as (

         select * from "tavana"."dbt_demo"."one"

    ),

    snapshotted_data as (

        select *,

        id as dbt_unique_key


        from "tavana"."dbt_demo"."snap"
        where

                dbt_valid_to is null


    ),

    insertions_source_data as (

        select *,

        id as dbt_unique_key

,
            now()::timestamp without time zone as dbt_updated_at,
            now()::timestamp without time zone as dbt_valid_from,


  coalesce(nullif(now()::timestamp without time zone, now()::timestamp without time zone), null)
  as dbt_valid_to
,
            md5(coalesce(cast(id as varchar ), '')
         || '|' || coalesce(cast(now()::timestamp without time zone as varchar ), '')
        ) as dbt_scd_id

        from snapshot_query
    ),

    updates_source_data as (

        select *,

        id as dbt_unique_key

,
            now()::timestamp without time zone as dbt_updated_at,
            now()::timestamp without time zone as dbt_valid_from,
            now()::timestamp without time zone as dbt_valid_to

        from snapshot_query
    ),

    insertions as (

        select
            'insert' as dbt_change_type,
            source_data.*

        from insertions_source_data as source_data
        left outer join snapshotted_data
            on

        snapshotted_data.dbt_unique_key = source_data.dbt_unique_key


            where

        snapshotted_data.dbt_unique_key is null


            or (

        snapshotted_data.dbt_unique_key is not null

 and (
               (snapshotted_data."name" != source_data."name"
        or
        (
            ((snapshotted_data."name" is null) and not (source_data."name" is null))
            or
            ((not snapshotted_data."name" is null) and (source_data."name" is null))
        ))
            )

        )

    ),

    updates as (

        select
            'update' as dbt_change_type,
            source_data.*,
            snapshotted_data.dbt_scd_id

        from updates_source_data as source_data
        join snapshotted_data
            on

        snapshotted_data.dbt_unique_key = source_data.dbt_unique_key


        where (
            (snapshotted_data."name" != source_data."name"
        or
        (
            ((snapshotted_data."name" is null) and not (source_data."name" is null))
            or
            ((not snapshotted_data."name" is null) and (source_data."name" is null))
        ))
        )
    )

    select * from insertions
    union all
    select * from updates

    ) as __dbt_sbq
    where false
    limit 0
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "snapshot.demo.snap"} */

      update "tavana"."dbt_demo"."snap"
    set dbt_valid_to = DBT_INTERNAL_SOURCE.dbt_valid_to
    from "snap__dbt_tmp234200596461" as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.dbt_scd_id::text = "tavana"."dbt_demo"."snap".dbt_scd_id::text
      and DBT_INTERNAL_SOURCE.dbt_change_type::text in ('update'::text, 'delete'::text)

        and "tavana"."dbt_demo"."snap".dbt_valid_to is null;



    insert into "tavana"."dbt_demo"."snap" ("id", "name", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_scd_id")
    select DBT_INTERNAL_SOURCE."id",DBT_INTERNAL_SOURCE."name",DBT_INTERNAL_SOURCE."dbt_updated_at",DBT_INTERNAL_SOURCE."dbt_valid_from",DBT_INTERNAL_SOURCE."dbt_valid_to",DBT_INTERNAL_SOURCE."dbt_scd_id"
    from "snap__dbt_tmp234200596461" as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.dbt_change_type::text = 'insert'::text
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "test.demo.not_null_one_id.fe01050880"} */


    select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (








select id
from "tavana"."dbt_demo"."one"
where id is null






    ) dbt_internal_test
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "node_id": "test.demo.unique_one_id.7d693d05ef"} */


    select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (






select
    id as unique_field,
    count(*) as n_records

from "tavana"."dbt_demo"."one"
where id is not null
group by id
having count(*) > 1






    ) dbt_internal_test
--;
/* {"app": "dbt", "dbt_version": "1.9.11", "profile_name": "demo", "target_name": "dev", "connection_name": "tavana.information_schema"} */




    select
        'tavana' as table_database,
        sch.nspname as table_schema,
        tbl.relname as table_name,
        case tbl.relkind
            when 'v' then 'VIEW'
            when 'm' then 'MATERIALIZED VIEW'
            else 'BASE TABLE'
        end as table_type,
        tbl_desc.description as table_comment,
        col.attname as column_name,
        col.attnum as column_index,
        pg_catalog.format_type(col.atttypid, col.atttypmod) as column_type,
        col_desc.description as column_comment,
        pg_get_userbyid(tbl.relowner) as table_owner

    from pg_catalog.pg_namespace sch
    join pg_catalog.pg_class tbl on tbl.relnamespace = sch.oid
    join pg_catalog.pg_attribute col on col.attrelid = tbl.oid
    left outer join pg_catalog.pg_description tbl_desc on (tbl_desc.objoid = tbl.oid and tbl_desc.objsubid = 0)
    left outer join pg_catalog.pg_description col_desc on (col_desc.objoid = tbl.oid and col_desc.objsubid = col.attnum)
    where ((upper(sch.nspname) = upper('dbt_demo') and
           upper(tbl.relname) = upper('three')) or (upper(sch.nspname) = upper('dbt_demo') and
           upper(tbl.relname) = upper('snap')) or (upper(sch.nspname) = upper('dbt_demo') and
           upper(tbl.relname) = upper('s')) or (upper(sch.nspname) = upper('dbt_demo') and
           upper(tbl.relname) = upper('two')) or (upper(sch.nspname) = upper('dbt_demo') and
           upper(tbl.relname) = upper('one')))
      and not pg_is_other_temp_schema(sch.oid) -- not a temporary schema belonging to another session
      and tbl.relpersistence in ('p', 'u') -- [p]ermanent table or [u]nlogged table. Exclude [t]emporary tables
      and tbl.relkind in ('r', 'v', 'f', 'p', 'm') -- o[r]dinary table, [v]iew, [f]oreign table, [p]artitioned table, [m]aterialized view. Other values are [i]ndex, [S]equence, [c]omposite type, [t]OAST table
      and col.attnum > 0 -- negative numbers are used for system columns such as oid
      and not col.attisdropped -- column as not been dropped

    order by
        sch.nspname,
        tbl.relname,
        col.attnum
--;
drop schema dbt_demo cascade
