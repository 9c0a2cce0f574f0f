public import Logging
import Synchronization

/// The configuration that is in force, and what becomes of changes while the program runs.
///
/// A change is checked before it counts, setting by setting: one that is no value of its setting is refused, said why,
/// and the old value stays; the others are taken together, in one step. A setting that is not live is left as it was
/// when the program started, so that no two parts of it see different values.
public final class LiveConfiguration: Sendable {
  /// What is not in force though it is set.
  public struct Refusal: Sendable, Equatable {
    public var key: String
    /// What is wrong, where, and what was expected; no secret's value.
    public var reason: String
  }
  private struct State {
    /// The layers as they are, with what is refused in them.
    var layers: LayeredConfiguration
    var current: LayeredConfiguration
    var refusals: [Refusal] = []
    /// Settings that have another value at the next start.
    var pending: Set<String> = []
    var watchers: [Int: AsyncStream<LayeredConfiguration>.Continuation] = [:]
    var next = 0
  }
  private let settings: [any AnySetting]
  private let logger: Logger
  private let state: Mutex<State>

  /// - Parameters:
  ///   - initial: What the program starts with; checked by whoever reads it.
  ///   - settings: All that there are.
  ///   - logger: Is told of each change, taken or not.
  public init(_ initial: LayeredConfiguration, settings: [any AnySetting], logger: Logger) {
    self.settings = settings
    self.logger = logger
    state = Mutex(State(layers: initial, current: initial))
  }

  /// The snapshot in force.
  public var current: LayeredConfiguration { state.withLock { $0.current } }
  /// Changes that were refused and still stand where they were made.
  public var refusals: [Refusal] { state.withLock { $0.refusals } }
  /// Settings, by key, that have another value at the next start.
  public var pending: Set<String> { state.withLock { $0.pending } }

  /// The snapshot in force, then each that takes its place; of several at once the last. Ends when the caller stops
  /// listening.
  public func changes() -> AsyncStream<LayeredConfiguration> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: LayeredConfiguration.self, bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state in
      state.next += 1
      state.watchers[state.next] = continuation
      continuation.yield(state.current)
      return state.next
    }
    continuation.onTermination = { [weak self] _ in _ = self?.state.withLock { $0.watchers.removeValue(forKey: id) } }
    return stream
  }

  /// The value in force, then each other that takes its place, until the caller's task is cancelled.
  ///
  /// - Precondition: The setting is live and has a default.
  public func follow<Value: Sendable & Equatable>(
    _ setting: Setting<Value>, _ body: (Value) async -> Void
  ) async {
    precondition(setting.isLive, "\(setting.key) is not live")
    var last: Value?
    for await snapshot in changes() {
      // What is in force was checked.
      guard let value = try? snapshot.optional(setting), value != last else { continue }
      last = value
      await body(value)
    }
  }

  /// Takes what is right of the key-value store's values.
  ///
  /// - Parameters:
  ///   - values: All of them, by setting key; what is not named is not set there any more.
  ///   - unreadable: Settings whose value is no text, by key, and why: they are refused.
  ///   - name: What people are told of where a value comes from.
  public func take(store values: [String: String], unreadable: [String: String] = [:], name: String) {
    take(unreadable) { $0.replacing(store: values, name: name) }
  }

  /// Takes what is right of what stands in the file now. A file that cannot be read changes nothing, and is told.
  public func rereadFile() async {
    do {
      let fresh = try await state.withLock(\.layers).rereadingFile()
      take { $0.replacingFile(from: fresh) }
    } catch {
      logger.error("the configuration file is refused; what it said stays", metadata: ["error.message": "\(error)"])
    }
  }

  private func take(
    _ unreadable: [String: String] = [:], _ change: (LayeredConfiguration) -> LayeredConfiguration
  ) {
    let news = state.withLock { state -> News in
      let candidate = change(state.layers)
      let news = judge(candidate, unreadable, state)
      state.layers = candidate
      state.current = candidate.holding(news.held, asIn: state.current)
      state.refusals = news.refusals
      state.pending = news.pending
      if !news.taken.isEmpty { for watcher in state.watchers.values { watcher.yield(state.current) } }
      return news
    }
    for line in news.lines { logger.log(level: line.level, line.message, metadata: line.metadata) }
  }

  private struct News {
    var taken: Set<String> = []
    var held: Set<String> = []
    var refusals: [Refusal] = []
    var pending: Set<String> = []
    var lines: [(level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata)] = []

    mutating func refuse(_ setting: any AnySetting, _ reason: String, isNew: (Refusal) -> Bool) {
      held.insert(setting.key)
      let refusal = Refusal(key: setting.key, reason: reason)
      refusals.append(refusal)
      guard isNew(refusal) else { return }
      lines.append(
        (
          .error, "a setting is refused, and its old value stays",
          ["gravity.setting": "\(setting.environmentName)", "error.message": "\(reason)"]
        ))
    }
  }

  private func judge(
    _ candidate: LayeredConfiguration, _ unreadable: [String: String], _ state: borrowing State
  ) -> News {
    var news = News()
    let (current, refusals, pending) = (state.current, state.refusals, state.pending)
    for setting in settings {
      if let reason = unreadable[setting.key] {
        news.refuse(setting, reason) { !refusals.contains($0) }
        continue
      }
      guard !candidate.agrees(with: current, on: setting.key) else { continue }
      do throws(ConfigurationError) { try setting.check(in: candidate) } catch {
        news.refuse(setting, error.description) { !refusals.contains($0) }
        continue
      }
      let (value, layer) = setting.origin(in: candidate)
      let field: Logger.Metadata = ["gravity.setting": "\(setting.environmentName)", "gravity.layer": "\(layer)"]
      if setting.isLive {
        news.taken.insert(setting.key)
        news.lines.append((.notice, "\(setting.environmentName) is now \(value)", field))
      } else {
        news.held.insert(setting.key)
        news.pending.insert(setting.key)
        guard !pending.contains(setting.key) else { continue }
        news.lines.append(
          (.warning, "\(setting.environmentName) has changed, which takes effect at the next start", field))
      }
    }
    return news
  }
}
