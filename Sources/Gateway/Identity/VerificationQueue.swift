import GravityIdentity
import NIOCore

/// Credentials of one event loop that are being verified: so many at a time, so many waiting, and each only once however
/// many requests bear it.
final class VerificationQueue {
  enum Outcome {
    case verified(VerifiedToken)
    case refused(TokenRefusal.Code)
  }
  typealias Completion = (Outcome) -> Void
  typealias Verify = @Sendable (String) async throws(TokenRefusal) -> VerifiedCredential

  private let loop: any EventLoop
  private let verify: Verify
  private let concurrent: Int
  private let maximumWaiting: Int
  private let finish: (TokenDigest, VerifiedCredential) -> VerifiedToken
  private var waiters: [TokenDigest: [Completion]] = [:]
  private var queue: [(TokenDigest, String)] = []
  private var running = 0

  /// - Parameters:
  ///   - concurrent: At least 1.
  ///   - finish: Makes of what was verified what is remembered.
  init(
    loop: any EventLoop, concurrent: Int, waiting: Int, verify: @escaping Verify,
    finish: @escaping (TokenDigest, VerifiedCredential) -> VerifiedToken
  ) {
    self.loop = loop
    self.verify = verify
    self.concurrent = max(1, concurrent)
    maximumWaiting = waiting
    self.finish = finish
  }

  /// Verifies `credential`; `completion` is called on the event loop, never before this returns.
  ///
  /// - Returns: false when too many wait already, and nothing will be called.
  func verify(_ credential: String, _ digest: TokenDigest, _ completion: @escaping Completion) -> Bool {
    if waiters[digest] != nil {
      waiters[digest]?.append(completion)
      return true
    }
    guard running < concurrent || queue.count < maximumWaiting else { return false }
    waiters[digest] = [completion]
    if running < concurrent { start(credential, digest) } else { queue.append((digest, credential)) }
    return true
  }

  private func start(_ credential: String, _ digest: TokenDigest) {
    running += 1
    let promise = loop.makePromise(of: Result<VerifiedCredential, TokenRefusal>.self)
    promise.futureResult.assumeIsolated().whenSuccess { self.end($0, digest) }
    let verify = verify
    // The one hop of the data path: keys may have to be fetched, or somebody asked.
    Task {
      do throws(TokenRefusal) {
        promise.succeed(.success(try await verify(credential)))
      } catch {
        promise.succeed(.failure(error))
      }
    }
  }

  private func end(_ result: Result<VerifiedCredential, TokenRefusal>, _ digest: TokenDigest) {
    running -= 1
    let outcome: Outcome =
      switch result {
      case .success(let credential): .verified(finish(digest, credential))
      case .failure(let refusal): .refused(refusal.code)
      }
    for completion in waiters.removeValue(forKey: digest) ?? [] { completion(outcome) }
    if !queue.isEmpty {
      let (next, credential) = queue.removeFirst()
      start(credential, next)
    }
  }
}
