import InventoryAPI

/// How much of a SKU a reservation wants, over all of its lines.
struct Demand: Sendable, Hashable {
  let sku: String
  let quantity: Int64
}

/// Decides where a reservation takes from.
///
/// All from one location if one has it all, else each SKU from one location, else from as many as it takes: always by
/// priority.
enum Sourcing {
  /// - Parameter levels: of each SKU, by priority.
  /// - Returns: nil when something is short.
  static func plan(_ demands: [Demand], _ levels: [String: [Level]]) -> [StockReservationLine]? {
    if let location = single(demands, levels) {
      return demands.map { line($0, [.init(location: location, quantity: $0.quantity)]) }
    }
    var lines: [StockReservationLine] = []
    for demand in demands {
      guard let sources = sources(demand, levels[demand.sku] ?? []) else { return nil }
      lines.append(line(demand, sources))
    }
    return lines
  }

  private static func single(_ demands: [Demand], _ levels: [String: [Level]]) -> String? {
    guard let first = demands.first else { return nil }
    return levels[first.sku]?.first { candidate in
      demands.allSatisfy { demand in
        levels[demand.sku]?.contains {
          $0.location == candidate.location && $0.available >= demand.quantity
        } == true
      }
    }?.location
  }

  private static func sources(_ demand: Demand, _ levels: [Level]) -> [StockReservationLine.Source]? {
    if let level = levels.first(where: { $0.available >= demand.quantity }) {
      return [.init(location: level.location, quantity: demand.quantity)]
    }
    var (missing, sources) = (demand.quantity, [StockReservationLine.Source]())
    for level in levels where level.available > 0 && missing > 0 {
      let quantity = min(missing, level.available)
      sources.append(.init(location: level.location, quantity: quantity))
      missing -= quantity
    }
    return missing == 0 ? sources : nil
  }

  private static func line(_ demand: Demand, _ sources: [StockReservationLine.Source]) -> StockReservationLine {
    StockReservationLine(sku: demand.sku, quantity: demand.quantity, sources: sources)
  }
}
