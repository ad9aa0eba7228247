"""The audit trail as people read it: words for verbs, objects and details in both languages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from tenure.contracts import CONTRACTS
from tenure.desk.governance import audit
from tenure.desk.governance.models import AuditEntry, Team, User
from tenure.desk.governance.roles import BUILT_IN
from tenure.insight.churn.registry import WHY
from tenure.language import Words

VERBS: Mapping[str, Words] = {
    "add_competitor": Words("Added a competitor", "新增竞争对手"),
    "change_competitor": Words("Changed what is known of a competitor", "修改竞争对手资料"),
    "archive_competitor": Words("Put a competitor away", "归档竞争对手"),
    "restore_competitor": Words("Brought a competitor back", "恢复竞争对手"),
    "note_move": Words("Noted a competitor's move", "记录竞争对手动作"),
    "strike_move": Words("Struck a competitor's move", "删除竞争对手动作"),
    "confirm_loss": Words("Said a customer left for a competitor", "确认客户流失至竞争对手"),
    "deny_loss": Words("Said a customer did not leave for a competitor", "否认客户流失至竞争对手"),
    "withdraw_loss": Words("Took back whom a customer left for", "撤回客户流失去向"),
    "create_user": Words("Opened an account", "开设账号"),
    "change_access": Words("Changed what an account may see", "更改账号权限"),
    "set_password": Words("Set a password", "设置密码"),
    "create_team": Words("Made a team", "新建团队"),
    "change_team": Words("Changed a team", "修改团队"),
    "assign_customer": Words("Assigned a customer", "分配客户"),
    "save_view": Words("Saved a view", "保存视图"),
    "delete_view": Words("Deleted a view", "删除视图"),
    "export": Words("Exported customers", "导出客户"),
    "publish": Words("Published new figures", "发布新数据"),
    "read": Words("Looked at a customer's personal details", "查看客户个人信息"),
    "grant": Words("Shared customers with a partner", "向合作方共享客户"),
    "revoke_grant": Words("Revoked a sharing link", "撤销共享链接"),
    "open_grant": Words("A partner opened a sharing link", "合作方打开共享链接"),
    "download_grant": Words("A partner downloaded shared customers", "合作方下载共享客户"),
    "grant_refused": Words("A closed sharing link was tried", "有人尝试已失效的共享链接"),
    "save_role": Words("Changed a role", "修改角色"),
    "drop_role": Words("Dropped a role", "删除角色"),
    "sign_in": Words("Signed in", "登录"),
    "sign_out": Words("Signed out", "退出登录"),
    "sign_in_refused": Words("A sign-in was refused", "登录被拒绝"),
    "lock_out": Words("Locked out after failed sign-ins", "登录失败过多，已锁定"),
    "change_password": Words("Changed the own password", "修改自己的密码"),
    "reset_password": Words("Reset the own password", "重置自己的密码"),
    "add_factor": Words("Added a second factor", "添加二次验证"),
    "remove_factor": Words("Removed a second factor", "移除二次验证"),
    "renew_recovery_codes": Words("Renewed recovery codes", "更新恢复码"),
    "link_identity": Words("Linked an outside sign-in", "绑定外部登录"),
    "unlink_identity": Words("Unlinked an outside sign-in", "解绑外部登录"),
    "end_sessions": Words("Ended sessions", "结束会话"),
    "assign_customers": Words("Assigned customers", "批量分配客户"),
    "add_custom_field": Words("Added a field", "新增字段"),
    "change_custom_field": Words("Changed a field", "修改字段"),
    "order_custom_fields": Words("Put fields in order", "调整字段顺序"),
    "archive_custom_field": Words("Archived a field", "归档字段"),
    "restore_custom_field": Words("Brought a field back", "恢复字段"),
    "add_own_object": Words("Made an own kind of record", "新建自定义对象"),
    "change_own_object": Words("Changed an own kind of record", "修改自定义对象"),
    "archive_own_object": Words("Put an own kind of record away", "归档自定义对象"),
    "restore_own_object": Words("Brought an own kind of record back", "恢复自定义对象"),
    "add_own_record": Words("Made an own record", "新建自定义记录"),
    "edit_own_record": Words("Edited an own record", "编辑自定义记录"),
    "delete_own_record": Words("Deleted an own record", "删除自定义记录"),
    "bring_own_records": Words("Imported own records", "导入自定义记录"),
    "undo_own_records": Words("Took back an import of own records", "撤销自定义记录导入"),
    "save_layout": Words("Laid out a form", "调整表单布局"),
    "drop_layout": Words("Dropped the layout of a form", "删除表单布局"),
    "edit_custom_values": Words("Edited a customer's fields", "编辑客户字段"),
    "follow_relations": Words("Brought relations from files", "带入文件中的客户关系"),
    "correct_customer": Words("Corrected a customer", "更正客户信息"),
    "join_customers": Words("Said that two customers are the same person", "判定两位客户为同一人"),
    "join_many": Words("Said of many pairs that each is the same person", "批量判定为同一人"),
    "keep_apart": Words("Said that two customers are different people", "判定两位客户为不同的人"),
    "unmerge_customer": Words("Took numbers out of a customer", "从客户中拆出编号"),
    "undo_decision": Words("Took back a decision on who is who", "撤回身份判定"),
    "archive_records": Words("Archived records", "归档记录"),
    "bring_back_records": Words("Brought archived records back", "恢复已归档记录"),
    "set_stale_after": Words("Set when a record is stale", "设定记录过时的期限"),
    "set_tiers": Words("Set the tiers and how they are served", "设定客户分级与服务政策"),
    "choose_pack": Words("Chose an industry pack", "选用行业方案"),
    "take_back_pack": Words("Took an industry pack back", "撤回行业方案"),
    "leave_pack": Words("Left the industry pack for later", "暂不选择行业方案"),
    "set_target": Words("Set what a metric is held against", "设定指标目标"),
    "set_churn": Words("Set what counts as churn", "设定流失定义"),
    "put_churn_beside": Words("Put a definition of churn beside the main one", "增加并列的流失定义"),
    "take_churn_from_beside": Words("Took away a definition of churn beside the main one", "移除并列的流失定义"),
    "set_model_policy": Words("Set how churn models are kept", "设定流失模型的管理方式"),
    "ask_to_learn": Words("Asked for a new churn model", "要求重新训练流失模型"),
    "promote_model": Words("Made a churn model champion", "将流失模型设为现用"),
    "roll_back_model": Words("Went back to an earlier churn model", "回退到先前的流失模型"),
    "take_over_model": Words("A newly learned churn model took over by itself", "新训练的流失模型自动成为现用"),
    "set_assumptions": Words("Set what the cost of churn assumes", "设定流失成本的假设"),
    "set_cover": Words("Said who stands in for a manager", "设定客户经理代班"),
    "set_precedence": Words("Set which source wins", "设定来源优先级"),
    "relate": Words("Recorded a relation", "登记客户关系"),
    "unrelate": Words("Removed a relation", "移除客户关系"),
    "record_consent": Words("Recorded a consent", "登记同意"),
    "withdraw_consent": Words("Recorded that a consent was withdrawn", "登记撤回同意"),
    "issue_preference_link": Words("Made a preference link", "生成偏好设置链接"),
    "revoke_preference_links": Words("Revoked preference links", "撤销偏好设置链接"),
    "open_request": Words("Opened a request about personal data", "受理个人信息请求"),
    "close_request": Words("Closed a request about personal data", "办结个人信息请求"),
    "refuse_request": Words("Refused a request about personal data", "拒绝个人信息请求"),
    "export_person": Words("Exported everything about a person", "导出个人全部信息"),
    "begin_erasure": Words("Began to erase a person", "开始删除个人信息"),
    "erase_from_desk": Words("Erased a person from the desk", "从业务库删除个人信息"),
    "finish_erasure": Words("Erased a person", "完成删除个人信息"),
    "set_retention": Words("Set how long records are kept", "设定保存期限"),
    "drop_retention": Words("Dropped a limit on how long records are kept", "取消保存期限"),
    "run_retention": Words("Erased records past their time", "清除超期记录"),
    "backup": Words("Made a backup", "创建备份"),
    "restore": Words("Restored a backup", "恢复备份"),
    "make_key": Words("Made an API key", "新建接口密钥"),
    "revoke_key": Words("Revoked an API key", "撤销接口密钥"),
    "refuse_key": Words("An API key was refused", "接口密钥被拒绝"),
    "make_master_key": Words("Made a new master key", "新建主密钥"),
    "retire_master_key": Words("Retired a master key", "停用主密钥"),
    "start_job": Words("Asked for a job", "发起任务"),
    "stop_job": Words("Wished a job to stop", "要求停止任务"),
    "end_job": Words("A job ended", "任务结束"),
    "upload_file": Words("Sent a file", "上传文件"),
    "drop_upload": Words("Deleted a file that was sent", "删除已上传文件"),
    "start_import": Words("Started an import", "开始导入"),
    "finish_import": Words("Imported a file", "完成导入"),
    "undo_import": Words("Undid an import", "撤销导入"),
    "save_template": Words("Saved a mapping template", "保存映射模板"),
    "drop_template": Words("Deleted a mapping template", "删除映射模板"),
    "add_feed": Words("Added a feed", "新增数据源"),
    "change_feed": Words("Changed a feed", "修改数据源"),
    "pause_feed": Words("Paused a feed", "暂停数据源"),
    "resume_feed": Words("Let a feed go on", "恢复数据源"),
    "remove_feed": Words("Removed a feed", "移除数据源"),
    "correct_feed": Words("Had misspelt values mended", "批量更正拼写"),
    "begin_migration": Words("Began a migration", "开始迁移"),
    "compare_migration": Words("Compared a migration with the old system", "与旧系统核对迁移"),
    "archive_migration": Words("Archived what the old system no longer has", "归档旧系统已无的记录"),
    "roll_back_migration": Words("Rolled a migration back", "回滚迁移"),
    "finish_migration": Words("Finished a migration", "完成迁移"),
    "create_segment": Words("Made a segment", "新建细分群体"),
    "change_segment": Words("Changed a segment", "修改细分群体"),
    "archive_segment": Words("Put a segment away", "归档细分群体"),
    "work_out_segment": Words("Worked out who is in a segment", "更新细分群体成员"),
    "ask_sql": Words("Asked a question of SQL", "执行 SQL 查询"),
    "make_board": Words("Made a board", "新建看板"),
    "copy_board": Words("Copied a board", "复制看板"),
    "rename_board": Words("Renamed a board", "重命名看板"),
    "delete_board": Words("Deleted a board", "删除看板"),
    "share_board": Words("Shared a board", "共享看板"),
    "link_board": Words("Made a link to a board", "生成看板链接"),
    "unlink_board": Words("Took back the link to a board", "收回看板链接"),
    "add_tile": Words("Added a tile", "添加图块"),
    "change_tile": Words("Changed a tile", "修改图块"),
    "order_tiles": Words("Put tiles in order", "调整图块顺序"),
    "resize_tile": Words("Resized a tile", "调整图块宽度"),
    "remove_tile": Words("Removed a tile", "移除图块"),
    "add_cause": Words("Added a cause of leaving", "新增流失原因"),
    "change_cause": Words("Changed a cause of leaving", "修改流失原因"),
    "retire_cause": Words("Retired a cause of leaving", "停用流失原因"),
    "restore_cause": Words("Brought a cause of leaving back", "恢复流失原因"),
    "record_statement": Words("Wrote down why a customer leaves", "登记客户流失陈述"),
    "review_statements": Words("Reviewed why customers left", "审核流失陈述"),
    "collect_statements": Words("Brought statements of leavers from records", "从记录收集流失陈述"),
    "export_statements": Words("Exported statements of leavers", "导出流失陈述"),
    "export_leavers": Words("Exported leavers by cause", "导出按原因的流失客户数"),
    "export_cost": Words("Exported the cost of churn by cause", "导出按原因的流失成本"),
    "export_causes": Words("Exported the tree of causes", "导出流失原因树"),
    "add_idea": Words("Put forward an idea", "提出改进想法"),
    "comment_idea": Words("Commented on an idea", "评论改进想法"),
    "vote_idea": Words("Voted on an idea", "为改进想法投票"),
    "decide_idea": Words("Decided on an idea", "对改进想法作出决定"),
    "move_idea": Words("Changed the state of an idea", "更改改进想法状态"),
    "verify_audit": Words("Verified the audit chain", "校验审计链"),
}

OBJECTS: Mapping[str, Words] = {
    "user": Words("account", "账号"),
    "team": Words("team", "团队"),
    "customer": Words("customer", "客户"),
    "customers": Words("customers", "客户"),
    "saved_view": Words("view", "视图"),
    "role": Words("role", "角色"),
    "generation": Words("figures", "数据版本"),
    "grant": Words("sharing link", "共享链接"),
    "retention": Words("retention", "保存期限"),
    "workspace": Words("workspace", "工作区"),
    "contract": Words("records", "记录"),
    "chain": Words("audit chain", "审计链"),
    "feed": Words("feed", "数据源"),
    "migration": Words("migration", "迁移"),
    "job": Words("job", "任务"),
    "upload": Words("file", "文件"),
    "batch": Words("batch", "批次"),
    "mapping_template": Words("mapping template", "映射模板"),
    "custom_field": Words("field", "字段"),
    "layout": Words("layout", "布局"),
    "own_object": Words("own kind of record", "自定义对象"),
    "own_record": Words("own record", "自定义记录"),
    "own_batch": Words("batch of own records", "自定义记录批次"),
    "relations": Words("relations", "客户关系"),
    "segment": Words("segment", "细分群体"),
    "pack": Words("industry pack", "行业方案"),
    "model": Words("churn model", "流失模型"),
    "metric": Words("metric", "指标"),
    "query": Words("query", "查询"),
    "board": Words("board", "看板"),
    "cause": Words("cause", "原因"),
    "statements": Words("statements", "流失陈述"),
    "idea": Words("idea", "改进想法"),
    "competitor": Words("competitor", "竞争对手"),
}

DETAILS: Mapping[str, Words] = {
    "cause": Words("cause", "原因"),
    "into": Words("given instead", "改为"),
    "statement": Words("statement", "陈述"),
    "statements": Words("statements", "陈述"),
    "competitor": Words("competitor", "竞争对手"),
    "found_in": Words("named in", "提及之处"),
    "on": Words("day", "日期"),
    "move": Words("move", "动作编号"),
    "aliases": Words("other names", "别名数"),
    "verdict": Words("verdict", "判定"),
    "tiles": Words("tiles", "图块数"),
    "tile": Words("tile", "图块"),
    "width": Words("columns wide", "宽度（列）"),
    "of": Words("copy of", "复制自"),
    "kept": Words("kept as people set it", "保留人工设定"),
    "people": Words("in it", "成员数"),
    "came": Words("came", "进入"),
    "went": Words("went", "离开"),
    "version": Words("version", "版本"),
    "tables": Words("tables", "数据表"),
    "answered": Words("rows of the answer", "结果行数"),
    "taken": Words("taken as a file", "导出为文件"),
    "username": Words("user name", "用户名"),
    "name": Words("name", "名称"),
    "role": Words("role", "角色"),
    "owner": Words("owner", "负责人"),
    "team": Words("team", "团队"),
    "region": Words("region", "地区"),
    "regions": Words("regions", "地区"),
    "active": Words("may sign in", "可登录"),
    "rows": Words("customers", "客户数"),
    "customers": Words("customers", "客户数"),
    "as_of": Words("as of", "数据截至"),
    "query": Words("filters", "筛选"),
    "q": Words("search", "搜索"),
    "shared": Words("shared", "共享"),
    "fields": Words("fields", "字段"),
    "through": Words("through", "途径"),
    "partner": Words("partner", "合作方"),
    "starts_at": Words("from", "开始"),
    "until": Words("until", "截止"),
    "before": Words("before", "之前"),
    "after": Words("after", "之后"),
    "request": Words("request", "请求"),
    "kind": Words("kind", "类型"),
    "purpose": Words("purpose", "目的"),
    "channel": Words("channel", "渠道"),
    "source": Words("source", "来源"),
    "address": Words("address", "地址"),
    "why": Words("why", "原因"),
    "because": Words("because", "起因"),
    "method": Words("method", "方式"),
    "months": Words("months", "月数"),
    "permissions": Words("may", "权限"),
    "reach": Words("reach", "范围"),
    "digest": Words("digest", "摘要"),
    "sealed": Words("sealed up to", "已封存至"),
    "unsealed": Words("not sealed yet", "未封存"),
    "ok": Words("whole", "完整"),
    "made": Words("new", "新增"),
    "changed": Words("changed", "更改"),
    "gone": Words("gone", "移除"),
    "hidden": Words("hidden", "隐藏"),
    "many": Words("several customers", "可属于多个客户"),
    "searched": Words("found by the search", "可搜索"),
    "first": Words("first break", "首个断裂处"),
    "breaks": Words("breaks", "断裂数"),
    "position": Words("position", "位置"),
    "file": Words("file", "文件"),
    "batch": Words("batch", "批次"),
    "contract": Words("records", "记录类型"),
    "accepted": Words("accepted", "已接收"),
    "rejected": Words("rejected", "已拒绝"),
    "state": Words("state", "状态"),
    "required": Words("required", "必填"),
    "personal": Words("personal", "个人信息"),
    "choices": Words("choices", "选项"),
    "numbers": Words("ids", "内部编号"),
    "left": Words("left behind", "保留"),
    "decision": Words("decision", "判定"),
    "other": Words("other customer", "另一客户"),
    "relation": Words("relation", "关系编号"),
    "deed": Words("deed", "操作标识"),
    "records": Words("records", "记录数"),
    "finding": Words("finding", "质量问题"),
    "policies": Words("service policies", "服务政策"),
    "deputy": Words("stands in", "代班人"),
    "since": Words("from", "开始"),
    "strategic_from": Words("strategic from", "战略客户起点"),
    "core_from": Words("core from", "核心客户起点"),
    "tenure_least_days": Words("days with us at least", "最少合作天数"),
    "growth_from": Words("growth from, %", "成长起点（%）"),
    "growth_points_from": Words("least points for growth", "成长所需最低积分"),
    "weight_value": Words("weight of value", "价值权重"),
    "weight_brought": Words("weight of what was brought in", "贡献权重"),
    "weight_margin": Words("weight of margin", "毛利权重"),
    "weight_tenure": Words("weight of time with us", "合作时长权重"),
}

_VALUES: Mapping[tuple[str, str], Words] = {
    ("through", "page"): Words("page", "页面"),
    ("through", "api"): Words("API", "接口"),
    **{("because", code): words for code, words in WHY.items()},
    **{("role", name): role.words for name, role in BUILT_IN.items()},
    **{
        ("fields", column.name): column.words
        for contract in reversed(CONTRACTS.values())
        for column in contract.columns
    },
    ("fields", "text"): Words("free text", "自由文本"),
    ("fields", "extra"): Words("what a source sent beyond its contract", "来源附加内容"),
}
_YES, _NO, _ERASED = Words("yes", "是"), Words("no", "否"), Words("erased", "已删除")
_ITSELF = Words("Tenure itself", "系统自身")
_MOMENTS = {"as_of", "starts_at", "until", "expires_at", "made_at"}
_PRIVATE = Words("private details", "个人信息")


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the trail somebody wants to see; empty means all. Half-open: from `since` to before `until`."""

    verb: str = ""
    actor: int | None = None
    object_type: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


def entries(asked: Asked) -> QuerySet[AuditEntry]:
    """The entries asked for, newest first. The text is looked for in numbers, names of people and words for verbs."""
    found = AuditEntry.objects.select_related("actor", "link").order_by("-pk")
    exact = {"verb": asked.verb, "actor_id": asked.actor, "object_type": asked.object_type}
    found = found.filter(**{name: value for name, value in exact.items() if value not in ("", None)})
    if asked.since is not None:
        found = found.filter(at__gte=asked.since)
    if asked.until is not None:
        found = found.filter(at__lt=asked.until)
    if text := asked.text.strip():
        verbs = [verb for verb, words in VERBS.items() if text.lower() in f"{verb} {words.en} {words.zh}".lower()]
        people = list(
            User.objects.filter(Q(username__icontains=text) | Q(first_name__icontains=text)).values_list(
                "pk", flat=True
            )
        )
        found = found.filter(Q(object_id=text) | Q(verb__in=verbs) | Q(actor_id__in=people))
    return found


class Teller:
    """Tells entries in words; names of accounts and teams are read once for all of them."""

    def __init__(self, told: Iterable[AuditEntry], *, private: bool = False) -> None:
        """private: open the sealed details too, for a reader who may see everything in clear."""
        ids = {
            name: {value for entry in told for value in _values(entry.detail, name) if isinstance(value, int)}
            for name in ("owner", "team")
        }
        people = ids["owner"] | {int(e.object_id) for e in told if e.object_type == "user" and e.object_id.isdigit()}
        self._users = {user.pk: user.shown_name for user in User.objects.filter(pk__in=people)}
        self._teams = dict(Team.objects.filter(pk__in=ids["team"]).values_list("pk", "name"))
        self._private = private

    def verb(self, entry: AuditEntry) -> str:
        return str(VERBS.get(entry.verb, entry.verb))

    def actor(self, entry: AuditEntry) -> str:
        """Who did it: an account, the partner who has the link, or the product itself."""
        if entry.actor is not None:
            return entry.actor.shown_name
        return entry.detail.get("partner") or str(_ITSELF) if isinstance(entry.detail, dict) else str(_ITSELF)

    def object(self, entry: AuditEntry) -> str:
        """What it was done to: "account mia", "customer 12"."""
        kind = str(OBJECTS.get(entry.object_type, entry.object_type))
        if entry.object_type == "user" and entry.object_id.isdigit():
            return f"{kind} {self._users.get(int(entry.object_id), entry.object_id)}"
        return f"{kind} {entry.object_id}".strip()

    def details(self, entry: AuditEntry) -> list[tuple[str, str]]:
        """(what, value) of everything else the entry says; of a change, what changed and how."""
        rest = dict(entry.detail) if isinstance(entry.detail, dict) else {"": entry.detail}
        told = []
        before, after = rest.get("before"), rest.get("after")
        if isinstance(after, dict) and (before is None or isinstance(before, dict)):
            before = before or {}
            rest = {name: value for name, value in rest.items() if name not in {"before", "after"}}
            for name in _in_order({*before, *after}):
                if before.get(name) != after.get(name):
                    told.append(
                        (_named(name), f"{self._text(name, before.get(name))} → {self._text(name, after.get(name))}")
                    )
        told += [
            (_named(name), self._text(name, value))
            for name in _in_order(rest)
            if (value := rest[name]) not in ("", None, [])
        ]
        if entry.sealed:
            opened = audit.opened(entry) if self._private else None
            if opened is not None:
                told += [(_named(name), self._text(name, value)) for name, value in opened.items()]
            else:
                told.append((str(_PRIVATE), str(_ERASED) if self._private else "••••"))
        return told

    def _text(self, name: str, value: Any) -> str:
        if value is None or value == "":
            return "–"
        if isinstance(value, bool):
            return str(_YES if value else _NO)
        if isinstance(value, list):
            return ", ".join(self._text(name, inner) for inner in value) or "–"
        if name == "owner" and isinstance(value, int):
            return self._users.get(value, str(value))
        if name == "team" and isinstance(value, int):
            return self._teams.get(value, str(value))
        if name == "digest":
            return f"{str(value)[:12]}…"
        if isinstance(value, dict) and set(value) == {"en", "zh"}:
            return str(Words(**value))
        if isinstance(value, dict):
            return ", ".join(f"{_named(key)}: {self._text(key, inner)}" for key, inner in value.items())
        if isinstance(value, int):
            return f"{value:,}"
        if name in _MOMENTS:
            return _moment(str(value))
        return str(_VALUES.get((name, str(value)), value))


def _in_order(names: Iterable[str]) -> list[str]:
    """As DETAILS has them, since databases keep the names of a detail in orders of their own; then by the alphabet."""
    known = list(DETAILS)
    return sorted(names, key=lambda name: (known.index(name) if name in DETAILS else len(known), name))


def _moment(text: str) -> str:
    """A moment as the pages write it, in the business zone."""
    try:
        return f"{timezone.localtime(datetime.fromisoformat(text)):%Y-%m-%d %H:%M}"
    except ValueError:
        return text


def _named(name: str) -> str:
    return str(DETAILS.get(name, name))


def _values(detail: Any, name: str) -> list[Any]:
    if not isinstance(detail, dict):
        return []
    return [
        part[name]
        for part in (detail, detail.get("before"), detail.get("after"))
        if isinstance(part, dict) and name in part
    ]
