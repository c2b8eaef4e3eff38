// One conversation of node's `pg` with a server; each section prints a line of JSON that
// test_pg_node.py compares. The connection comes from libpq's environment variables.

import { pipeline } from "node:stream/promises";
import { Readable, Writable } from "node:stream";
import pg from "pg";
import Cursor from "pg-cursor";
import copy from "pg-copy-streams";

const LONG =
  "select count(*) from generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y)" +
  " where x * 3 <> y * 7 + 1";

const sections = {
  async simple(client) {
    const one = await client.query("select 1 as a, 'x' as b, null as c, true as d, 1.50::numeric as e");
    const many = await client.query("select 1 as a; select 2 as b");
    return [one.rows, one.fields.map((f) => [f.name, f.dataTypeID]), many.map((r) => r.rows), one.command, one.rowCount];
  },

  async parameters(client) {
    const values = [1, "it's", null, true, 2.5, [1, 2], new Date("2024-02-29T12:00:00Z"), Buffer.from([0, 255]), { k: 1 }];
    const sql =
      "select $1::int as a, $2::text as b, $3::text as c, $4::bool as d, $5::float8 as e, $6::int[] as f," +
      " $7::timestamptz as g, $8::bytea as h, $9::json as i";
    const { rows } = await client.query(sql, values);
    return { ...rows[0], g: rows[0].g.toISOString(), h: rows[0].h.toString("hex") };
  },

  async prepared(client) {
    const found = [];
    for (let i = 0; i < 20; i++) {
      const { rows } = await client.query({ name: "twice", text: "select $1::int * 2 as n", values: [i] });
      found.push(rows[0].n);
    }
    return found;
  },

  async binary(client) {
    const text = "select 7::int as a, 1.5::float8 as b, true as c, 'ä' as d";
    return (await client.query({ text, values: [], binary: true })).rows;
  },

  async types(client) {
    const sql =
      "select 9007199254740993::int8 as a, date '2024-02-29' as b, timestamp '2024-02-29 12:34:56.789' as c," +
      " interval '1 day 02:03:04' as d, '{\"a\": [1]}'::jsonb as e, array['a', null, 'b c'] as f," +
      " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as g, 'NaN'::float8 as h, time '12:34:56' as i";
    const { rows } = await client.query({ text: sql, types: { getTypeParser: () => (value) => value } });
    return rows[0];
  },

  async cursor(client) {
    const cursor = client.query(new Cursor("select i from generate_series(1, $1::int) i order by 1", [250]));
    const sizes = [];
    let sum = 0;
    for (;;) {
      const rows = await cursor.read(100);
      sizes.push(rows.length);
      sum += rows.reduce((total, row) => total + row.i, 0);
      if (rows.length === 0) break;
    }
    await cursor.close();
    const left = client.query(new Cursor("select i from generate_series(1, 1000000) i"));
    await left.read(1);
    await left.close();
    return [sizes, sum, (await client.query("select 1 as a")).rows];
  },

  async copy(client) {
    await client.query("create temp table c (a int, b text)");
    const lines = Array.from({ length: 5000 }, (_, i) => `${i}\trow ${i}\n`);
    await pipeline(Readable.from(lines), client.query(copy.from("copy c from stdin")));
    let out = "";
    const sink = new Writable({
      write(chunk, _, done) {
        out += chunk;
        done();
      },
    });
    await pipeline(client.query(copy.to("copy (select * from c where a < 3 order by a) to stdout csv")), sink);
    return [(await client.query("select count(*)::int as n, max(a) as m from c")).rows, out];
  },

  async errors(client) {
    const found = [];
    for (const sql of ["selekt", "select nope", "select * from nope", "select 1/0", "select 'x'::int"]) {
      await client.query(sql).catch((error) => found.push([error.code, error.position ?? null, error.severity]));
      await client.query(sql, []).catch((error) => found.push(error.code));
    }
    return found;
  },

  async transaction(client) {
    await client.query("create temp table t (a int)");
    await client.query("begin");
    await client.query("insert into t values ($1)", [1]);
    await client.query("rollback");
    await client.query("begin");
    await client.query("insert into t values ($1), ($2)", [2, 3]);
    await client.query("commit");
    return (await client.query("select a from t order by a")).rows.map((row) => row.a);
  },

  async queued(client) {
    const asked = Array.from({ length: 200 }, (_, i) => client.query("select $1::int as n", [i]));
    return (await Promise.all(asked)).reduce((sum, { rows }) => sum + rows[0].n, 0);
  },

  async timeout(client) {
    await client.query("set statement_timeout = 300");
    const code = await client.query(LONG).then(
      () => "done",
      (error) => error.code,
    );
    return [code, (await client.query("select 1 as a")).rows];
  },

  async pool() {
    const pool = new pg.Pool({ max: 5 });
    const asked = Array.from({ length: 50 }, (_, i) => pool.query("select $1::int as n", [i]));
    const sum = (await Promise.all(asked)).reduce((total, { rows }) => total + rows[0].n, 0);
    await pool.end();
    return sum;
  },
};

const [, , name] = process.argv;
const client = new pg.Client();
await client.connect();
console.log(JSON.stringify(await sections[name](client)));
await client.end();
