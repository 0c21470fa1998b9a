import CPeftPlugin
import Glibc
import Synchronization

/// What a plugin is given: the `peft_host` with its tables, which live as long as the process.
enum HostInterface {
    nonisolated(unsafe) static let host = make(HostVariant())

    /// A host like this one but for what the variant says. It is never freed.
    static func make(_ variant: HostVariant) -> UnsafePointer<peft_host> {
        var host = peft_host()
        host.abi_version = UInt32(variant.abi.upperBound)
        host.abi_oldest = UInt32(variant.abi.lowerBound)
        host.name = UnsafePointer(strdup(HostVersion.text))
        host.table = { host, id in id.flatMap { HostInterface.table(of: host, String(cString: $0)) } }
        let place = variant.place(host)
        let tables = tables(variant).filter { !variant.withoutTables.contains($0.key) }
        let addresses = tables.mapValues { UInt(bitPattern: $0) }
        all.withLock { $0[UInt(bitPattern: place)] = addresses }
        return UnsafePointer(place.assumingMemoryBound(to: peft_host.self))
    }

    /// The addresses of tables by id, by the address of their host.
    private static let all = Mutex<[UInt: [String: UInt]]>([:])

    private static func table(of host: UnsafePointer<peft_host>?, _ id: String) -> UnsafeRawPointer? {
        let address = all.withLock { $0[UInt(bitPattern: host)]?[id] }
        return address.flatMap { UnsafeRawPointer(bitPattern: $0) }
    }

    /// By id.
    private static func tables(_ variant: HostVariant) -> [String: UnsafeRawPointer] {
        [
            "peft.trace/1": variant.place(traceTable()), "peft.settings/1": variant.place(settingsTable()),
            "peft.model/1": variant.place(modelTable()), "peft.sites/1": variant.place(sitesTable()),
            "peft.parameters/1": variant.place(parametersTable()), "peft.graphs/1": variant.place(graphsTable()),
            "peft.site/1": variant.place(siteTable()), "peft.ops/1": variant.place(operatorsTable()),
            "peft.export/1": variant.place(exportTable()), "peft.config/1": variant.place(configTable()),
            "peft.calibration/1": variant.place(calibrationTable()), "peft.kernel/1": variant.place(kernelTable()),
        ]
    }
}
