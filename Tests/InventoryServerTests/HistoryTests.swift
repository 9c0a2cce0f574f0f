import Foundation
import GravityContracts
import GravityData
import InventoryAPI
import Testbed
import Testing
@testable import InventoryServer

/// What ought to come of a history, said in the plainest way: no levels, no counters, only what was promised.
private struct Model {
  struct Promise {
    var lines: [String: Int64]
    var state: StockReservation.State
    var end: Date
  }
  var onHand: [String: Int64] = [:]
  var promises: [UUID: Promise] = [:]

  mutating func expire(at now: Date) {
    for (id, promise) in promises where promise.state == .active && promise.end <= now {
      promises[id]?.state = .expired
    }
  }

  func held(_ sku: String, _ state: StockReservation.State) -> Int64 {
    promises.values.filter { $0.state == state }.reduce(0) { $0 + $1.lines[sku, default: 0] }
  }
  func available(_ sku: String) -> Int64 { onHand[sku, default: 0] - held(sku, .active) - held(sku, .committed) }
}

@Suite("Random histories")
struct HistoryTests {
  @Test("a thousand random steps agree with an independent model", arguments: Engine.available, [1, 2] as [UInt64])
  func history(_ engine: Engine, _ seed: UInt64) async throws {
    try await InventoryFixture.run(on: engine) { fixture in
      var random = Seeded(state: seed)
      var model = Model()
      let skus = ["A", "B", "C", "D"]
      for code in ["east", "west"] {
        _ = try await fixture.service.locations.create(NewStockLocation(code: code, name: code), once: nil)
      }
      let reservations = fixture.service.reservations
      for step in 0..<1_000 {
        model.expire(at: fixture.clock.now)
        let sku = skus.randomElement(using: &random)!
        // Mostly one that is there, sometimes one that never was.
        let id =
          Int.random(in: 0..<10, using: &random) == 0
          ? UUID.v7()
          : model.promises.keys.sorted { $0.lowercased < $1.lowercased }.randomElement(using: &random) ?? .v7()
        let known = model.promises[id]
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1:
          let delta = Int64.random(in: -12...20, using: &random)
          guard delta != 0 else { continue }
          let location = ["main", "east", "west"].randomElement(using: &random)!
          let done = try await outcome {
            _ = try await fixture.service.items.adjust(
              StockAdjustment(sku: sku, delta: delta, reason: .correction, location: location), once: nil)
          }
          // Where it lies is not the model's business; only what is promised is.
          #expect(done == nil || done == "stock_in_use")
          if done == nil { model.onHand[sku, default: 0] += delta }
          #expect(model.available(sku) >= 0)
        case 2, 3, 4:
          var lines: [String: Int64] = [:]
          for _ in 0..<Int.random(in: 1...3, using: &random) {
            lines[skus.randomElement(using: &random)!, default: 0] += Int64.random(in: 1...6, using: &random)
          }
          let ttl = Int.random(in: 1...20, using: &random)
          let fits = lines.allSatisfy { model.available($0.key) >= $0.value }
          let new = UUID.v7()
          let verdict = try await Verdict.of { try await fixture.reserve(lines.map { ($0, $1) }, id: new, ttl: ttl) }
          #expect(verdict == (fits ? .ok(.active) : .refused("insufficient_stock")), "step \(step)")
          if fits { model.promises[new] = .init(lines: lines, state: .active, end: fixture.clock.now + Double(ttl)) }
        case 5, 6:
          let verdict = try await Verdict.of { try await reservations.commit(id) }
          switch known?.state {
          case nil: #expect(verdict == .refused("not_found"))
          case .active?, .committed?:
            #expect(verdict == .ok(.committed), "step \(step)")
            model.promises[id]?.state = .committed
          default: #expect(verdict == .refused("reservation_closed"), "step \(step)")
          }
        case 7:
          let verdict = try await Verdict.of { try await reservations.release(id) }
          switch known?.state {
          case nil: model.promises[id] = .init(lines: [:], state: .released, end: fixture.clock.now)
          case .active?: model.promises[id]?.state = .released
          case .committed?: #expect(verdict == .refused("reservation_closed"))
          default: #expect(verdict == .ok(known!.state), "step \(step)")
          }
        case 8:
          _ = try await reservations.takeBack(id)
          switch known?.state {
          case nil: model.promises[id] = .init(lines: [:], state: .returned, end: fixture.clock.now)
          case .active?, .committed?: model.promises[id]?.state = .returned
          default: break
          }
        default:
          fixture.clock.advance(Double.random(in: 0...8, using: &random))
          if Bool.random(using: &random) { _ = try await reservations.expireDue() }
        }
        if step % 20 == 0 {
          model.expire(at: fixture.clock.now)
          for sku in skus where model.onHand[sku] != nil {
            let item = try await fixture.item(sku)
            #expect(item.onHand == model.onHand[sku] && item.available == model.available(sku), "\(sku) at \(step)")
            #expect(item.reserved == model.held(sku, .active) && item.allocated == model.held(sku, .committed))
          }
        }
      }
      model.expire(at: fixture.clock.now)
      for (id, promise) in model.promises {
        #expect(try await reservations.find(id).state == .known(promise.state))
      }
      // `run` checks the books at the end.
      #expect(model.promises.count > 100)
    }
  }

  /// - Returns: the code it was refused with.
  private func outcome(_ body: () async throws -> Void) async throws -> String? {
    do {
      try await body()
      return nil
    } catch let problem as Problem {
      return problem.code.rawValue
    }
  }
}

/// SplitMix64: the same for the same seed.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
