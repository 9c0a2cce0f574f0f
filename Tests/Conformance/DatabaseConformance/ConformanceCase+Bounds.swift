import Foundation
import GravityData
import Patience
import Testing

extension ConformanceCase {
  static let bounds = [
    ConformanceCase("a write that was cancelled before its turn is never run") { engine in
      try await engine.withDatabase(.init(connections: 1)) { database in
        try await createNumbers(database, 1...1)
        let gate = Gate()
        async let first: Void = database.write { _ in gate.pass() }
        await gate.arrived()
        let runs = Count()
        let second = Task { try await database.write { _ in runs.increment() } }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        gate.open()
        try await first
        #expect(runs.value == 0)
      }
    },
    ConformanceCase("a write that has begun is finished, though its caller was cancelled") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...1)
        let gate = Gate()
        let write = Task {
          try await database.write { transaction in
            try transaction.execute("INSERT INTO numbers (n) VALUES (\(2))")
            gate.pass()
            try transaction.execute("INSERT INTO numbers (n) VALUES (\(3))")
          }
        }
        await gate.arrived()
        write.cancel()
        gate.open()
        try await write.value
        #expect(try await numbers(database) == [1, 2, 3])
      }
    },
    ConformanceCase("a read that runs ends when its caller is cancelled") { engine in
      try await engine.withDatabase(.init(connections: 2)) { database async throws in
        for _ in 0..<3 {
          let gate = Gate()
          let read = Task {
            try await database.read { transaction in
              gate.pass()
              return try transaction.rows(endless).count
            }
          }
          await gate.arrived()
          gate.open()
          read.cancel()
          await #expect(throws: CancellationError.self) { try await read.value }
        }
        let alone = Task { try await database.rows(endless) }
        alone.cancel()
        await #expect(throws: CancellationError.self) { try await alone.value }
        #expect(try await database.rows("SELECT 1").count == 1)
      }
    },
    ConformanceCase("a statement that runs too long is ended, and leaves nothing") { engine in
      try await engine.withDatabase(.init(statementTimeout: .seconds(1))) { database in
        try await createNumbers(database, 1...1)
        let alone = await code { try await database.rows(endless) }
        #expect(alone == .timeout)
        let write = await code {
          try await database.write { transaction in
            try transaction.execute("INSERT INTO numbers (n) VALUES (\(2))")
            try transaction.execute("INSERT INTO numbers (n) \(endless)")
          }
        }
        #expect(write == .timeout)
        #expect(try await numbers(database) == [1])
      }
    },
    ConformanceCase("neighbours of a write that took too long are not lost") { engine in
      try await engine.withDatabase(.init(statementTimeout: .seconds(1))) { database in
        try await createNumbers(database, 0...0)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for n in 1...40 {
            group.addTask {
              let isEndless = n % 20 == 0
              let code = await code {
                try await database.write { transaction in
                  try transaction.execute("INSERT INTO numbers (n) VALUES (\(n))")
                  if isEndless { try transaction.execute("INSERT INTO numbers (n) \(endless)") }
                }
              }
              #expect(code == (isEndless ? .timeout : nil))
            }
          }
          try await group.waitForAll()
        }
        #expect(try await numbers(database) == (0...40).filter { $0 == 0 || $0 % 20 != 0 })
      }
    },
    ConformanceCase("more calls than may wait are refused as busy") { engine in
      try await engine.withDatabase(.init(connections: 1, maximumWaiting: 3)) { database in
        try await createNumbers(database, 1...1)
        let gate = Gate()
        async let first: Void = database.write { _ in gate.pass() }
        await gate.arrived()
        let codes = await withTaskGroup(of: DatabaseError.Code?.self) { group in
          for n in 10..<15 {
            group.addTask {
              await code { try await database.write { try $0.execute("INSERT INTO numbers (n) VALUES (\(n))") } }
            }
          }
          var codes: [DatabaseError.Code?] = []
          // The two that find the line full are the first to hear.
          for await code in group {
            codes.append(code)
            if codes.count == 2 { gate.open() }
          }
          return codes
        }
        try await first
        #expect(codes == [.busy, .busy, nil, nil, nil])
        #expect(try await numbers(database).count == 4)
      }
    },
    ConformanceCase("a call that waits too long is refused as busy and never run") { engine in
      try await engine.withDatabase(.init(connections: 1, waitTimeout: .seconds(1))) { database in
        let gate = Gate()
        let first = Task {
          defer { gate.leave() }
          // On a busy machine the first connection may take longer than a call waits.
          try await eventually("there is a connection") { await code { try await database.rows("SELECT 1") } == nil }
          try await database.write { _ in gate.pass() }
        }
        await gate.arrived()
        let runs = Count()
        let late = await code { try await database.write { _ in runs.increment() } }
        #expect(late == .busy)
        gate.open()
        try await first.value
        #expect(runs.value == 0)
        #expect(try await database.write { _ in 5 } == 5)
      }
    },
    ConformanceCase("closing waits for what runs and refuses what comes") { engine in
      try await engine.withDatabase { database in
        try await createNumbers(database, 1...1)
        let gate = Gate()
        let write = Task {
          try await database.write { transaction in
            gate.pass()
            return try transaction.execute("INSERT INTO numbers (n) VALUES (\(2))")
          }
        }
        await gate.arrived()
        async let closing: Void = database.close()
        // Refused from the moment that it begins to close.
        try await eventually("it is closed") { await code { try await database.write { _ in } } == .closed }
        gate.open()
        await closing
        #expect(try await write.value == 1)
        #expect(await code { try await database.rows("SELECT 1") } == .closed)
        #expect(await code { try await database.read { try $0.rows("SELECT 1") } } == .closed)
      }
    },
  ]

  /// Counts until it is stopped.
  static let endless: SQL = """
    WITH RECURSIVE e (i) AS (SELECT 1000000 UNION ALL SELECT i + 0 FROM e WHERE i > 0)
    SELECT count(*) + 1000000 FROM e
    """
}
