/// The named points of the code at which a run may kill a process: between every two steps of an order.
enum TorturePoints {
  static let all: [String] = sagas + payments + ["inventory.change.written", "inventory.change.committed"]

  private static let sagas: [String] = {
    let placement = ["reserve", "authorize", "commit", "capture"]
    let cancellation = ["refund", "restock"]
    var points: [String] = []
    for (saga, steps) in [("order.placement", placement), ("order.cancellation", cancellation)] {
      for step in steps {
        for moment in ["before", "after-action", "recorded"] { points.append("saga.step.\(moment):\(saga).\(step)") }
      }
      points.append("saga.ended:\(saga)")
    }
    for step in ["reserve", "authorize"] {
      for moment in ["before", "after-action", "recorded"] {
        points.append("saga.compensation.\(moment):order.placement.\(step)")
      }
    }
    return points
  }()

  private static let payments = ["authorize", "capture", "void", "refund"].flatMap { operation in
    ["before-call", "after-call", "recorded"].map { "payment.\(operation).\($0)" }
  }
}
