import CoreMetrics
import Foundation

/// Gauges of the process: memory, processor time, open files, threads. Nothing where `/proc` is missing.
public enum ProcessMetrics {
  public static func install(in metrics: PrometheusMetrics) {
    let resident = Gauge(label: "process_resident_memory_bytes", factory: metrics)
    let cpu = Gauge(label: "process_cpu_seconds_total", factory: metrics)
    let descriptors = Gauge(label: "process_open_fds", factory: metrics)
    let threads = Gauge(label: "process_threads", factory: metrics)
    metrics.onScrape {
      guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
        let name = stat.lastIndex(of: ")")
      else { return }
      // After the name, which may hold blanks: state is field 3 of proc(5), so field n is at n - 3.
      let fields = stat[stat.index(name, offsetBy: 2)...].split(separator: " ")
      guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
        let threadCount = Int64(fields[17]), let pages = Int64(fields[21])
      else { return }
      cpu.record((user + system) / Double(sysconf(Int32(_SC_CLK_TCK))))
      threads.record(threadCount)
      resident.record(pages * Int64(sysconf(Int32(_SC_PAGESIZE))))
      if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
        descriptors.record(Int64(open.count))
      }
    }
  }
}
