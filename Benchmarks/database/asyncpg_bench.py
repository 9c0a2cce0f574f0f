"""Prints `asyncpg SELECT` and `asyncpg transaction` as databasebench does: what, operations a second, CPU µs each."""
import asyncio
import random
import sys
import time

import asyncpg

CLIENTS, SECONDS = 32, 3.0


async def measure(what, body):
    cpu, start = time.process_time(), time.monotonic()

    async def client():
        count = 0
        while time.monotonic() - start < SECONDS:
            await body()
            count += 1
        return count

    count = sum(await asyncio.gather(*(client() for _ in range(CLIENTS))))
    elapsed = time.monotonic() - start
    print(f"{what}\t{int(count / elapsed)}\t{(time.process_time() - cpu) / count * 1e6:.0f}", flush=True)


async def main():
    pool = await asyncpg.create_pool(sys.argv[1], min_size=CLIENTS, max_size=CLIENTS)

    async def select():
        await pool.fetch("SELECT n FROM bench WHERE id = $1", random.randrange(10_000))

    async def transaction():
        while True:
            try:
                async with pool.acquire() as connection:
                    async with connection.transaction(isolation="serializable"):
                        await connection.execute("UPDATE bench SET n = n + 1 WHERE id = $1", random.randrange(10_000))
                return
            except asyncpg.SerializationError:
                pass

    await measure("asyncpg SELECT", select)
    await measure("asyncpg transaction", transaction)
    await pool.close()


asyncio.run(main())
