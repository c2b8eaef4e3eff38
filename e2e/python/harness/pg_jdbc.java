// One conversation of pgjdbc with a server, for test_pg_jdbc.py: the URL and the section's name
// are the arguments; what a section finds is printed line by line.

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.Properties;
import java.util.UUID;
import org.postgresql.PGConnection;

class PgJdbc {
    static final String LONG = "select count(*) from generate_series(1, 1000000) a(x),"
        + " generate_series(1, 1000000) b(y) where x * 3 <> y * 7 + 1";

    static void say(Object... what) {
        StringBuilder line = new StringBuilder();
        for (Object one : what) {
            line.append(line.length() == 0 ? "" : " ").append(one);
        }
        System.out.println(line);
    }

    static void run(Connection con, String sql) throws SQLException {
        try (Statement statement = con.createStatement()) {
            statement.execute(sql);
        }
    }

    static Object one(Connection con, String sql) throws SQLException {
        try (Statement statement = con.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getObject(1);
        }
    }

    static void prepared(Connection con) throws SQLException {
        String sql = "select ?::int + 1, ?::text, ?::numeric, ?::date, ?::timestamp, ?::bool, ?::bytea, ?::float8";
        try (PreparedStatement statement = con.prepareStatement(sql)) {
            // From the fifth execution on the statement has a name and results come in binary.
            for (int i = 0; i < 12; i++) {
                statement.setInt(1, i);
                statement.setString(2, "it's ä");
                statement.setBigDecimal(3, new BigDecimal("-1.50"));
                statement.setObject(4, LocalDate.of(2024, 2, 29));
                statement.setObject(5, LocalDateTime.of(2024, 2, 29, 12, 34, 56, 789000000));
                statement.setBoolean(6, true);
                statement.setBytes(7, new byte[] {0, (byte) 255});
                statement.setDouble(8, 0.1);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    if (i == 0 || i == 11) {
                        say(rows.getInt(1), rows.getString(2), rows.getBigDecimal(3), rows.getDate(4),
                            rows.getTimestamp(5), rows.getBoolean(6), Arrays.toString(rows.getBytes(7)), rows.getDouble(8));
                    }
                }
            }
        }
        try (PreparedStatement statement = con.prepareStatement("select ?::int is null, ?")) {
            statement.setNull(1, Types.INTEGER);
            statement.setString(2, "untyped");
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                say(rows.getBoolean(1), rows.getString(2));
            }
        }
    }

    static void types(Connection con) throws SQLException {
        String sql = "select 1::int2 a, 2::int4 b, 3::int8 c, 1.5::float4 d, 2.5::float8 e, 1.50::numeric(9,2) f,"
            + " true g, 'x'::text h, 'y'::varchar(3) i, date '2024-02-29' j, time '12:34:56' k,"
            + " timestamp '2024-02-29 12:34:56' l, timestamptz '2024-02-29 12:00+00' m, '\\x01'::bytea n,"
            + " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid o, array[1,2] p, array['a',null] q, '{\"a\":1}'::json r,"
            + " interval '1 day' s";
        for (int i = 0; i < 2; i++) {
            try (PreparedStatement statement = con.prepareStatement(sql)) {
                ((org.postgresql.PGStatement) statement).setPrepareThreshold(i == 0 ? 0 : -1);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    ResultSetMetaData meta = rows.getMetaData();
                    for (int c = 1; c <= meta.getColumnCount(); c++) {
                        Object value = rows.getObject(c);
                        String told = value instanceof byte[] bytes ? Arrays.toString(bytes)
                            : value instanceof java.sql.Array array ? Arrays.toString((Object[]) array.getArray())
                            : String.valueOf(value);
                        say(meta.getColumnLabel(c), meta.getColumnTypeName(c), meta.getColumnType(c),
                            meta.getPrecision(c), meta.getScale(c), told);
                    }
                    say(rows.getObject("m", OffsetDateTime.class).toInstant(), rows.getObject("o", UUID.class));
                }
            }
        }
    }

    static void fetchSize(Connection con) throws SQLException {
        con.setAutoCommit(false);
        try (PreparedStatement statement = con.prepareStatement("select i from generate_series(1, ?) i order by 1")) {
            for (int size : new int[] {1, 7, 500, 1000, 0}) {
                statement.setInt(1, 1000);
                statement.setFetchSize(size);
                long sum = 0;
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        sum += rows.getInt(1);
                    }
                }
                say(size, sum);
            }
            statement.setFetchSize(10);
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                say(rows.getInt(1), one(con, "select 'between'"));
                int left = 0;
                while (rows.next()) {
                    left++;
                }
                say(left);
            }
        }
        con.commit();
    }

    static void batch(Connection con) throws SQLException {
        run(con, "create temp table b (a int, t text)");
        try (PreparedStatement statement = con.prepareStatement("insert into b values (?, ?)")) {
            for (int i = 0; i < 1000; i++) {
                statement.setInt(1, i);
                statement.setString(2, "row " + i);
                statement.addBatch();
            }
            say(Arrays.stream(statement.executeBatch()).sum(), one(con, "select count(*) from b"));
        }
        try (Statement statement = con.createStatement()) {
            statement.addBatch("insert into b values (-1, 'x')");
            statement.addBatch("update b set t = 'y' where a < 10");
            say(Arrays.toString(statement.executeBatch()));
        }
        try (PreparedStatement statement = con.prepareStatement("insert into b values (?::text::int, 'z')")) {
            for (String value : new String[] {"1", "x", "3"}) {
                statement.setString(1, value);
                statement.addBatch();
            }
            statement.executeBatch();
        } catch (SQLException failed) {
            say(failed.getNextException() == null ? failed.getSQLState() : failed.getNextException().getSQLState());
        }
        say(one(con, "select count(*) from b where t = 'z'"));
    }

    static void metadata(Connection con) throws SQLException {
        run(con, "create schema jdbc_shop");
        run(con, "create table jdbc_shop.things (id int primary key, name varchar(30) not null, price numeric(9,2))");
        run(con, "create view jdbc_shop.names as select name from jdbc_shop.things");
        var meta = con.getMetaData();
        say(meta.getDatabaseProductName(), meta.getDatabaseMajorVersion() >= 15);
        try (ResultSet rows = meta.getTables(null, "jdbc_shop", "%", new String[] {"TABLE", "VIEW"})) {
            while (rows.next()) {
                say(rows.getString("TABLE_SCHEM"), rows.getString("TABLE_NAME"), rows.getString("TABLE_TYPE"));
            }
        }
        try (ResultSet rows = meta.getColumns(null, "jdbc_shop", "things", "%")) {
            while (rows.next()) {
                say(rows.getString("COLUMN_NAME"), rows.getInt("DATA_TYPE"), rows.getString("TYPE_NAME"),
                    rows.getInt("COLUMN_SIZE"), rows.getInt("DECIMAL_DIGITS"), rows.getString("IS_NULLABLE"));
            }
        }
        try (ResultSet rows = meta.getPrimaryKeys(null, "jdbc_shop", "things")) {
            while (rows.next()) {
                say("key", rows.getString("COLUMN_NAME"));
            }
        }
        boolean found = false;
        try (ResultSet rows = meta.getSchemas()) {
            while (rows.next()) {
                found |= rows.getString(1).equals("jdbc_shop");
            }
        }
        say("schema", found);
        for (ResultSet rows : new ResultSet[] {meta.getCatalogs(), meta.getTypeInfo(), meta.getTableTypes(),
            meta.getIndexInfo(null, "jdbc_shop", "things", false, true), meta.getImportedKeys(null, "jdbc_shop", "things"),
            meta.getExportedKeys(null, "jdbc_shop", "things"), meta.getFunctions(null, null, "now"),
            meta.getProcedures(null, null, "%"), meta.getTablePrivileges(null, "jdbc_shop", "things")}) {
            rows.next();
            rows.close();
        }
        try (PreparedStatement statement = con.prepareStatement("select name, ?::int8 as n from jdbc_shop.things where id = ?")) {
            say(statement.getParameterMetaData().getParameterTypeName(1), statement.getParameterMetaData().getParameterTypeName(2),
                statement.getMetaData().getColumnTypeName(1), statement.getMetaData().isNullable(1) == ResultSetMetaData.columnNoNulls,
                statement.getMetaData().getTableName(1));
        }
        run(con, "drop view jdbc_shop.names");
        run(con, "drop table jdbc_shop.things");
        run(con, "drop schema jdbc_shop");
    }

    static void transactions(Connection con) throws SQLException {
        run(con, "create temp table t (a int)");
        con.setAutoCommit(false);
        run(con, "insert into t values (1)");
        con.rollback();
        run(con, "insert into t values (2)");
        con.commit();
        try {
            run(con, "select 1/0");
        } catch (SQLException error) {
            say(error.getSQLState());
        }
        try {
            run(con, "select 1");
        } catch (SQLException error) {
            say(error.getSQLState());
        }
        con.rollback();
        con.setReadOnly(true);
        con.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        say(one(con, "select sum(a) from t"));
        con.commit();
        con.setReadOnly(false);
        con.setAutoCommit(true);
    }

    static void errors(Connection con) throws SQLException {
        for (String sql : new String[] {"selekt", "select nope", "select * from nope", "select 1/0", "select 'x'::int"}) {
            try {
                one(con, sql);
            } catch (SQLException error) {
                var server = ((org.postgresql.util.PSQLException) error).getServerErrorMessage();
                say(error.getSQLState(), server.getPosition(), server.getSeverity());
            }
        }
    }

    static void cancel(Connection con) throws SQLException {
        try (Statement statement = con.createStatement()) {
            statement.setQueryTimeout(1);
            statement.executeQuery(LONG);
        } catch (SQLException error) {
            say(error.getSQLState());
        }
        say(one(con, "select 1"));
    }

    static void copy(Connection con) throws Exception {
        run(con, "create temp table c (a int, b text)");
        var copies = con.unwrap(PGConnection.class).getCopyAPI();
        say(copies.copyIn("copy c from stdin csv", new StringReader("1,one\n2,\n3,\"th,ree\"\n")));
        StringWriter out = new StringWriter();
        say(copies.copyOut("copy (select * from c order by a) to stdout csv", out));
        say(out.toString().replace("\n", "|"));
    }

    static void keys(Connection con) throws SQLException {
        run(con, "create temp table k (a int, b text)");
        try (PreparedStatement statement = con.prepareStatement("insert into k values (?, ?)", new String[] {"a"})) {
            statement.setInt(1, 5);
            statement.setString(2, "x");
            statement.executeUpdate();
            try (ResultSet rows = statement.getGeneratedKeys()) {
                rows.next();
                say(rows.getInt(1));
            }
        }
    }

    public static void main(String[] words) throws Exception {
        Properties properties = new Properties();
        for (int i = 2; i < words.length; i++) {
            String[] parts = words[i].split("=", 2);
            properties.setProperty(parts[0], parts[1]);
        }
        try (Connection con = DriverManager.getConnection(words[0], properties)) {
            switch (words[1]) {
                case "prepared" -> prepared(con);
                case "types" -> types(con);
                case "fetchSize" -> fetchSize(con);
                case "batch" -> batch(con);
                case "metadata" -> metadata(con);
                case "transactions" -> transactions(con);
                case "errors" -> errors(con);
                case "cancel" -> cancel(con);
                case "copy" -> copy(con);
                case "keys" -> keys(con);
                default -> throw new IllegalArgumentException(words[1]);
            }
        }
    }
}
