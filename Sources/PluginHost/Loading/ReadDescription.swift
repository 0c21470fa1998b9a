import CPeftPlugin
import Formats
import Programs

extension PluginMemory {
    /// What a plugin's code says of itself, copied and checked.
    func description(of plugin: peft_plugin) throws(PluginError) -> PluginDescription {
        var result = PluginDescription(
            id: try string(plugin.id, "peft_plugin.id"),
            peftType: try string(plugin.peft_type, "peft_plugin.peft_type"),
            version: try string(plugin.version, "peft_plugin.version"))
        result.abiBuiltWith = Int(plugin.abi_built_with)
        result.abiMinRequired = Int(plugin.abi_min_required)
        result.license = try string(plugin.license, "peft_plugin.license")
        result.summary = try string(plugin.summary, "peft_plugin.summary")
        result.paper = try string(plugin.paper, "peft_plugin.paper")
        result.defaultLearningRate = plugin.default_learning_rate
        result.capabilities = Set(
            try bits(plugin.capabilities, "capabilities", Capability.allCases) { Int($0.rawValue) })
        result.siteKinds = Set(try bits(plugin.site_kinds, "site_kinds", SiteKind.allCases, bit: \.rawValue))
        result.defaultRoles = try roles(plugin)
        result.hyperparameters = try hyperparameters(plugin)
        try result.check(place: place)
        return result
    }

    private func bits<T>(_ set: UInt32, _ name: String, _ cases: [T], bit: (T) -> Int) throws(PluginError) -> [T] {
        let known = cases.filter { set & (1 << bit($0)) != 0 }
        guard known.count == set.nonzeroBitCount else {
            throw PluginError(
                .incompatible,
                "peft_plugin.\(name) is 0x\(String(set, radix: 16)), with bits that this host does not know",
                place: place, remedy: "it needs a newer host")
        }
        return known
    }

    private func roles(_ plugin: peft_plugin) throws(PluginError) -> [SiteRole] {
        let count = try self.count(plugin.default_role_count, "default_role_count", plugin.default_roles != nil)
        var roles: [SiteRole] = []
        for index in 0..<count {
            let raw = plugin.default_roles[index]
            guard let role = SiteRole(rawValue: Int(raw)) else {
                throw fail("peft_plugin.default_roles has the unknown role \(raw)")
            }
            roles.append(role)
        }
        return roles
    }

    private func count(_ count: UInt32, _ name: String, _ isThere: Bool) throws(PluginError) -> Int {
        guard count <= 1024 else { throw fail("\(name) is \(count); at most 1024") }
        guard count == 0 || isThere else { throw fail("\(name) is \(count), but its array is NULL") }
        return Int(count)
    }

    private func hyperparameters(_ plugin: peft_plugin) throws(PluginError) -> [Hyperparameter] {
        let count = try self.count(plugin.hyperparameter_count, "hyperparameter_count", plugin.hyperparameters != nil)
        let (stride, least) = (Int(plugin.hyperparameter_stride), peft_hyperparameter.sizeInABI1)
        guard count == 0 || (least...4096).contains(stride) else {
            throw fail(
                "peft_plugin.hyperparameter_stride is \(stride), less than the \(least) bytes of ABI 1 or far more",
                remedy: "set it to sizeof(peft_hyperparameter)")
        }
        var result: [Hyperparameter] = []
        for index in 0..<count {
            let name = "peft_plugin.hyperparameters[\(index)]"
            let raw = try read(
                peft_hyperparameter.self, at: UnsafeRawPointer(plugin.hyperparameters!) + index * stride, name)
            guard raw.struct_size <= plugin.hyperparameter_stride else {
                throw fail("\(name).struct_size is \(raw.struct_size), more than the stride of \(stride)")
            }
            result.append(try hyperparameter(raw, name))
        }
        return result
    }

    private func hyperparameter(_ raw: peft_hyperparameter, _ place: String) throws(PluginError) -> Hyperparameter {
        let name = try string(raw.name, "\(place).name")
        guard let type = HyperparameterType(rawValue: raw.type) else {
            throw fail("the hyperparameter \(name) has the unknown type \(raw.type)")
        }
        guard raw.flags < 16 else {
            throw PluginError(
                .incompatible, "the hyperparameter \(name) has flags that this host does not know", place: self.place,
                remedy: "it needs a newer host")
        }
        let (isRequired, isDerived) = (raw.flags & PEFT_FLAG_REQUIRED != 0, raw.flags & PEFT_FLAG_DERIVED != 0)
        var result = Hyperparameter(name, type, default: nil)
        result.summary = try string(raw.summary, "\(place).summary")
        result.isNullable = raw.flags & PEFT_FLAG_NULLABLE != 0
        result.isDerived = isDerived
        (result.minimum, result.maximum) = (raw.minimum, raw.maximum)
        if raw.flags & PEFT_FLAG_PER_SITE != 0 {
            let field = raw.pattern == nil ? nil : try string(raw.pattern, "\(place).pattern")
            result.patternField = field ?? Hyperparameter.standardPatternField(of: name)
        }
        for index in 0..<(try count(raw.choice_count, "\(place).choice_count", raw.choices != nil)) {
            result.choices.append(try string(raw.choices[index], "\(place).choices[\(index)]"))
        }
        guard isRequired == (raw.default_value == nil) || isDerived else {
            throw fail("the hyperparameter \(name) must either be required or have a default_value")
        }
        if raw.default_value != nil {
            result.defaultValue = try defaultValue(try string(raw.default_value, "\(place).default_value"), of: result)
        } else if isDerived, result.isNullable {
            result.defaultValue = .null
        }
        return result
    }

    private func defaultValue(_ text: String, of result: Hyperparameter) throws(PluginError) -> HyperparameterValue {
        guard let json = try? JSON.parse(text.utf8, place: "") else {
            throw fail("the hyperparameter \(result.name) has the default_value \(text.prefix(40)), which is not JSON")
        }
        if json.isNull { return .null }
        guard let value = HyperparameterValue(json, as: result.type) else {
            throw fail(
                "the hyperparameter \(result.name) has the default_value \(text.prefix(40)), which is not \(result.rule)"
            )
        }
        return value
    }
}
