"""Prints `aio-pika publish` and `aio-pika consume` as brokerbench does: what, messages a second, CPU µs a message."""
import asyncio
import sys
import time
import uuid

import aio_pika

COUNT, OUTSTANDING, PREFETCH, BODY = 50_000, 1_000, 500, b"x" * 256
QUEUE = f"bench.{uuid.uuid4().hex[:8]}"


def line(what, count, start, cpu):
    rate = count / (time.monotonic() - start)
    print(f"{what}\t{int(rate)}\t{(time.process_time() - cpu) / count * 1e6:.0f}", flush=True)


async def publish(url):
    connection = await aio_pika.connect_robust(url)
    channel = await connection.channel(publisher_confirms=True)
    exchange = await channel.declare_exchange("bench.events", aio_pika.ExchangeType.TOPIC, durable=True)
    queue = await channel.declare_queue(
        QUEUE,
        durable=True,
        arguments={
            "x-queue-type": "quorum", "x-delivery-limit": 100, "x-dead-letter-exchange": "gravity.dead",
            "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
        },
    )
    await queue.bind(exchange, "bench.#")
    window = asyncio.Semaphore(OUTSTANDING)

    async def one():
        message = aio_pika.Message(
            BODY, delivery_mode=2, message_id=str(uuid.uuid4()), content_type="application/cloudevents+json"
        )
        await exchange.publish(message, "bench.happened.v1", mandatory=True)
        window.release()

    cpu, start, tasks = time.process_time(), time.monotonic(), set()
    for _ in range(COUNT):
        await window.acquire()
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    line("aio-pika publish, confirmed", COUNT, start, cpu)
    await connection.close()


async def consume(url):
    connection = await aio_pika.connect_robust(url)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=PREFETCH)
    queue = await channel.get_queue(QUEUE, ensure=False)
    count, done = 0, asyncio.Event()

    async def handle(message):
        nonlocal count
        await message.ack()
        count += 1
        if count == COUNT:
            done.set()

    cpu, start = time.process_time(), time.monotonic()
    await queue.consume(handle)
    await done.wait()
    line("aio-pika consume, acknowledged", COUNT, start, cpu)
    await channel.queue_delete(QUEUE)
    await connection.close()


async def main():
    await publish(sys.argv[1])
    await consume(sys.argv[1])


asyncio.run(main())
