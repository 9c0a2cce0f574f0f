import Foundation
import Synchronization

/// What the buyers know: what they asked for, and what they were promised.
final class TortureBooks: Sendable {
  struct Asked: Sendable {
    var currency: String
    var lines: [String: Int64]
    /// By the price list, to the minor unit.
    var total: Int64
    /// What the answer named; nil while there was none, or it was a refusal.
    var order: String?
    var refusal: String?
  }

  struct Counts: Sendable {
    var asked = 0
    var answered = 0
    var refused = 0
    var kills = 0
    var faults = 0
  }

  private struct State {
    var asked: [String: Asked] = [:]
    var received: [String: Int64] = [:]
    var counts = Counts()
    var errors: [String] = []
  }
  private let state = Mutex(State())

  func ask(_ key: String, _ asked: Asked) {
    state.withLock { state in
      state.asked[key] = asked
      state.counts.asked += 1
    }
  }
  func answer(_ key: String, order: String) {
    state.withLock { state in
      state.asked[key]?.order = order
      state.counts.answered += 1
    }
  }
  func refuse(_ key: String, _ why: String) {
    state.withLock { state in
      state.asked[key]?.refusal = why
      state.counts.refused += 1
    }
  }
  func receive(_ sku: String, _ quantity: Int64) { state.withLock { $0.received[sku, default: 0] += quantity } }
  func killed() { state.withLock { $0.counts.kills += 1 } }
  func armed() { state.withLock { $0.counts.faults += 1 } }
  func note(_ error: String) { state.withLock { if $0.errors.count < 50 { $0.errors.append(error) } } }

  var asked: [String: Asked] { state.withLock { $0.asked } }
  var received: [String: Int64] { state.withLock { $0.received } }
  var counts: Counts { state.withLock { $0.counts } }
  var errors: [String] { state.withLock { $0.errors } }
}

/// Numbers that a seed repeats (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
