import Synchronization

struct TimeLimitExceeded: Error {}

/// Runs `work` and waits for it no longer than `limit`; it is cancelled then, but not waited for.
///
/// A child task would have to be waited for, and work that is stuck may not notice that it was cancelled.
///
/// - Throws: ``TimeLimitExceeded``, or what `work` throws.
func withTimeLimit<Value: Sendable>(
  _ limit: Duration, clock: CacheClock, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  let waiter = Waiter<Value>()
  let timer = Task {
    do {
      try await clock.sleep(limit)
    } catch {
      return  // Cancelled: the work was in time.
    }
    waiter.finish(.failure(TimeLimitExceeded()))
  }
  let worker = Task {
    do {
      waiter.finish(.success(try await work()))
    } catch {
      waiter.finish(.failure(error))
    }
  }
  defer {
    timer.cancel()
    worker.cancel()
  }
  return try await withCheckedThrowingContinuation { waiter.wait($0) }
}
