/**
 * A stock of tickets in SQLite, sold by fifty sellers over four connections. Some customers walk away in the
 * middle of a sale: their transactions are rolled back. At the end the books agree.
 *
 * Run it: `deno run --allow-read --allow-write --allow-env=GREEN_CONTEXT examples/connection_pool.ts`
 */
import { ConnectionPool, GreenletExit, joinAll, killAll, main, sleep, spawn } from "@verdant/green";
import { busyRetry, type DatabaseSync, sqlite } from "@verdant/green/sqlite";

const TICKETS = 100;
const SELLERS = 50;

/** Sells one ticket; killed in between, it has sold none. */
async function sell(db: DatabaseSync, seller: number): Promise<void> {
  db.exec("begin immediate"); // here, and only here, another writer may be in the way
  db.exec("update stock set tickets = tickets - 1");
  await sleep(1); // the customer looks for his purse
  db.prepare("insert into sale (seller) values (?)").run(seller);
  db.exec("commit");
}

const count = (db: DatabaseSync, query: string) => Number(Object.values(db.prepare(query).get()!)[0]);

main(async () => {
  const directory = await Deno.makeTempDir();
  try {
    await using pool = new ConnectionPool(
      sqlite(`${directory}/stock.db`, { pragmas: { journal_mode: "wal" } }),
      { maxSize: 4 },
    );
    await pool.use((db) =>
      db.exec(
        `create table stock (tickets int); insert into stock values (${TICKETS}); create table sale (seller int)`,
      )
    );

    const sellers = Array.from(
      { length: SELLERS },
      (_, i) => spawn(() => busyRetry(() => pool.use((db) => sell(db, i)))),
    );
    await sleep(20);
    await killAll(sellers.filter((_, i) => i % 5 === 0));
    await joinAll(sellers, { raiseError: true });
    const walkedAway = sellers.filter(({ value }) => value instanceof GreenletExit);

    using db = await pool.lease();
    const left = count(db, "select tickets from stock");
    const sold = count(db, "select count(*) from sale");
    console.log(`${sold} sold, ${left} left, ${walkedAway.length} customers walked away`);
    console.log(sold + left === TICKETS ? "The books agree" : "Something is wrong");
    console.log(`${pool.size} connections were enough`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
