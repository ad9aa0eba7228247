"""The pages, all inside one site: whoever is not signed in with a role is sent to sign in, page by page by permission."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.sites import UnfoldAdminSite

from tenure.desk.governance.api import may
from tenure.desk.governance.roles import Permission

View = Callable[..., HttpResponseBase]


class TenureSite(UnfoldAdminSite):  # type: ignore[misc]
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "today")

    def page(self, permission: Permission, view: View) -> View:
        """A route of this site, closed to whose role lacks the permission."""

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(request.user, permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return self.admin_view(guarded)  # type: ignore[no-any-return]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """To the one page where people sign in, and from there back to where they were going."""
        from urllib.parse import urlencode

        back = request.GET.get(REDIRECT_FIELD_NAME, "")
        query = f"?{urlencode({REDIRECT_FIELD_NAME: back})}" if back else ""
        return HttpResponseRedirect(reverse("account_login") + query)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        from allauth.account.views import logout

        return logout(request)  # type: ignore[no-any-return]

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("account_change_password"))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        from tenure.web import today

        return today.page(request)

    def extra_urls(self) -> list[URLPattern]:
        # The site is made while apps are still loading; what shows models is read when routes are first asked for.
        from tenure.web import (
            analyst,
            archived,
            audit,
            consents,
            customers,
            data,
            duplicates,
            feeds,
            fields,
            jobs,
            keys,
            layouts,
            means,
            metrics,
            objects,
            packs,
            person,
            precedence,
            quality,
            relations,
            rights,
            roles,
            segments,
            sharing,
            tiers,
            today,
        )
        from tenure.web.boards import acts as board_acts
        from tenure.web.boards import export as board_export
        from tenure.web.boards import page as boards
        from tenure.web.causes import files as cause_files
        from tenure.web.causes import one as cause
        from tenure.web.causes import review as cause_review
        from tenure.web.causes import tree as cause_tree
        from tenure.web.churn import competitors, risk
        from tenure.web.churn import definitions as churn_definitions
        from tenure.web.churn import models as churn_models
        from tenure.web.churn import page as churn
        from tenure.web.churn import roi as churn_roi
        from tenure.web.churn.cost import assumptions as assumed_of_churn
        from tenure.web.churn.cost import files as cost_files
        from tenure.web.importing import batches, steps
        from tenure.web.insight import forecast, moved, personas
        from tenure.web.insight import page as insight
        from tenure.web.insight import people as behind_insight

        return [
            path("today/numbers/", self.page("today", today.numbers), name="today_numbers"),
            path("customers/", self.page("customers", customers.page), name="customers"),
            path("customers/export/", self.page("export", customers.export), name="customers_export"),
            path("customers/views/", self.page("customers", customers.save_view), name="save_view"),
            path("customers/columns/", self.page("customers", customers.keep_columns), name="keep_columns"),
            path(
                "customers/views/<int:view_id>/delete/",
                self.page("customers", customers.delete_view),
                name="delete_view",
            ),
            path("customers/<int:person_id>/", self.page("customers", person.page), name="person"),
            path("customers/<int:person_id>/means/", self.page("customers", means.piece), name="means"),
            path("customers/<int:person_id>/risk/", self.page("customers", risk.piece), name="risk"),
            path("customers/<int:person_id>/fields/", self.page("edit", fields.of_customer), name="customer_fields"),
            path("customers/<int:person_id>/tags/", self.page("edit", fields.tags_of_customer), name="customer_tags"),
            path("customers/<int:person_id>/assign/", self.page("assign", person.assign), name="assign"),
            path("customers/<int:person_id>/consents/", self.page("consent", consents.page), name="consents"),
            path("customers/<int:person_id>/consents/change/", self.page("consent", consents.change), name="consent"),
            path("customers/<int:person_id>/consents/link/", self.page("consent", consents.link), name="consent_link"),
            path("customers/<int:person_id>/take-out/", self.page("merge", duplicates.take_out), name="take_out"),
            path("customers/<int:person_id>/relate/", self.page("relate", relations.relate), name="relate"),
            path(
                "customers/<int:person_id>/relations/<int:relation_id>/drop/",
                self.page("relate", relations.unrelate),
                name="unrelate",
            ),
            path("duplicates/", self.page("merge", duplicates.page), name="duplicates"),
            path("duplicates/bulk/", self.page("merge", duplicates.bulk), name="duplicates_bulk"),
            path("duplicates/undo/<slug:deed>/", self.page("merge", duplicates.undo), name="decision_undo"),
            path("duplicates/<int:left>/<int:right>/", self.page("merge", duplicates.pair), name="pair"),
            path(
                "duplicates/<int:left>/<int:right>/decide/", self.page("merge", duplicates.decide), name="pair_decide"
            ),
            path("records/", self.page("customers", objects.kinds), name="own_kinds"),
            path("records/<int:object_id>/", self.page("customers", objects.listed), name="own_records"),
            path("records/<int:object_id>/new/", self.page("edit", objects.new), name="own_record_new"),
            path("records/<int:object_id>/view/", self.page("customers", objects.view), name="own_view"),
            path(
                "records/<int:object_id>/view/<int:view_id>/drop/",
                self.page("customers", objects.drop_view),
                name="own_view_drop",
            ),
            path("records/<int:object_id>/export/", self.page("export", objects.exported), name="own_export"),
            path("records/<int:object_id>/import/", self.page("import", objects.brought), name="own_import"),
            path("records/<int:object_id>/import/<int:upload_id>/", self.page("import", objects.look), name="own_look"),
            path(
                "records/<int:object_id>/batches/<int:batch_id>/undo/",
                self.page("import", objects.taken_back),
                name="own_undo",
            ),
            path("records/<int:object_id>/<int:record_id>/", self.page("customers", objects.one), name="own_record"),
            path(
                "records/<int:object_id>/<int:record_id>/drop/",
                self.page("edit", objects.drop),
                name="own_record_drop",
            ),
            path("settings/objects/", self.page("fields", objects.page), name="own_objects"),
            path("settings/objects/new/", self.page("fields", objects.shape), name="own_object_new"),
            path("settings/objects/<int:object_id>/", self.page("fields", objects.shape), name="own_object"),
            path(
                "settings/objects/<int:object_id>/put-away/",
                self.page("fields", objects.put_away),
                name="own_object_put_away",
            ),
            path("segments/", self.page("segments", segments.page), name="segments"),
            path("segments/new/", self.page("segments", segments.edit), name="segment_new"),
            path("segments/build/", self.page("segments", segments.build), name="segment_build"),
            path("segments/count/", self.page("segments", segments.count), name="segment_count"),
            path("segments/<int:segment_id>/", self.page("segments", segments.one), name="segment"),
            path("segments/<int:segment_id>/edit/", self.page("segments", segments.edit), name="segment_edit"),
            path("segments/<int:segment_id>/<slug:verb>/", self.page("segments", segments.act), name="segment_act"),
            path("analyst/", self.page("sql", analyst.page), name="analyst"),
            path("insight/", self.page("insight", insight.page), name="insight"),
            path("insight/moves/", self.page("insight", moved.page), name="moves"),
            path("insight/forecast/figures/", self.page("insight", forecast.piece), name="forecast_figures"),
            path("insight/customers/", self.page("insight", behind_insight.page), name="insight_people"),
            path("insight/customers/keep/", self.page("segments", behind_insight.keep), name="insight_keep"),
            path("insight/personas/<int:number>/", self.page("insight", personas.page), name="persona"),
            path("settings/tiers/", self.page("tiers", tiers.page), name="tiers"),
            path("settings/pack/", self.page("pack", packs.page), name="packs"),
            path("settings/pack/later/", self.page("pack", packs.later), name="pack_later"),
            path("settings/pack/back/", self.page("pack", packs.back), name="pack_back"),
            path("settings/pack/assumptions/", self.page("pack", assumed_of_churn.assume), name="assumptions"),
            path("settings/pack/look/<slug:pack>/", self.page("pack", packs.one), name="pack"),
            path("settings/cover/", self.page("assign", tiers.cover), name="cover"),
            path("insight/<slug:part>/", self.page("insight", insight.page), name="insight_part"),
            path("churn/", self.page("insight", churn.page), name="churn"),
            path(
                "churn/definitions/preview/",
                self.page("insight", churn_definitions.piece),
                name="churn_definition_preview",
            ),
            path("churn/definitions/save/", self.page("pack", churn_definitions.save), name="churn_definition_save"),
            path(
                "churn/definitions/<slug:code>/take/",
                self.page("pack", churn_definitions.take),
                name="churn_definition_take",
            ),
            path("churn/models/decide/", self.page("models", churn_models.decide), name="churn_models_decide"),
            path("churn/models/policy/", self.page("models", churn_models.policy), name="churn_models_policy"),
            path("churn/causes/of/<slug:cause>/", self.page("insight", cause.page), name="cause"),
            path("churn/causes/of/<slug:cause>/ideas/", self.page("insight", cause.suggest_idea), name="cause_idea"),
            path("churn/causes/ideas/<int:idea_id>/<slug:verb>/", self.page("insight", cause.act), name="idea_act"),
            path("churn/causes/people/", self.page("insight", cause.people), name="cause_people"),
            path("churn/causes/notices/<int:mention_id>/", self.page("today", cause.notice), name="cause_notice"),
            path("churn/causes/review/", self.page("causes", cause_review.page), name="causes_review"),
            path("churn/causes/new/", self.page("customers", cause_review.new), name="causes_new"),
            path("churn/causes/fishbone.svg", self.page("insight", cause_files.drawing), name="fishbone"),
            path("churn/causes/leavers.csv", self.page("export", cause_files.leavers), name="leavers_csv"),
            path("churn/causes/statements.csv", self.page("export", cause_files.statements), name="statements_csv"),
            path("customers/<int:person_id>/causes/", self.page("customers", cause_review.of_person), name="causes_of"),
            path("settings/causes/", self.page("pack", cause_tree.page), name="causes_tree"),
            path("settings/causes/import/", self.page("pack", cause_files.bring), name="causes_import"),
            path("settings/causes/causes.csv", self.page("pack", cause_files.taxonomy), name="causes_csv"),
            path("churn/cost/causes.csv", self.page("export", cost_files.causes_file), name="cost_causes_csv"),
            path("churn/roi/keep/", self.page("insight", churn_roi.keep), name="roi_keep"),
            path("churn/roi/keep/<int:view_id>/drop/", self.page("insight", churn_roi.drop), name="roi_drop"),
            path("churn/competitors/new/", self.page("competitors", competitors.new), name="competitor_new"),
            path("churn/competitors/save/", self.page("competitors", competitors.save), name="competitor_save"),
            path("churn/competitors/<int:competitor_id>/", self.page("insight", competitors.one), name="competitor"),
            path(
                "churn/competitors/<int:competitor_id>/edit/",
                self.page("competitors", competitors.edit),
                name="competitor_edit",
            ),
            path(
                "churn/competitors/<int:competitor_id>/<slug:verb>/",
                self.page("competitors", competitors.act),
                name="competitor_act",
            ),
            path("churn/<slug:part>/", self.page("insight", churn.page), name="churn_part"),
            path("metrics/", self.page("insight", metrics.page), name="metrics"),
            path("metrics/chapter/<slug:group>/", self.page("insight", metrics.chapter), name="metrics_chapter"),
            path("metrics/<slug:metric>/", self.page("insight", metrics.one), name="metric"),
            path("metrics/<slug:metric>/figures/", self.page("insight", metrics.shares), name="metric_figures"),
            path("metrics/<slug:metric>/target/", self.page("pack", packs.target), name="metric_target"),
            path("metrics/<slug:metric>/behind/", self.page("insight", metrics.behind), name="metric_behind"),
            path("metrics/<slug:metric>/export/", self.page("export", metrics.export), name="metric_export"),
            path("boards/", self.page("insight", boards.listing), name="boards"),
            path("boards/new/", self.page("insight", board_acts.make), name="board_new"),
            path("boards/<slug:board>/", self.page("insight", boards.page), name="board"),
            path("boards/<slug:board>/export/", self.page("export", board_export.export), name="board_export"),
            path("boards/<slug:board>/tiles/<int:tile>/", self.page("insight", boards.piece), name="board_tile"),
            path("boards/<int:board_id>/<slug:verb>/", self.page("insight", board_acts.act), name="board_act"),
            path("data/", self.page("data", data.page), name="data"),
            path("data/refresh/", self.page("import", jobs.refresh), name="refresh"),
            path("data/jobs/", self.page("data", jobs.page), name="jobs"),
            path("data/jobs/<int:job_id>/", self.page("data", jobs.one), name="job"),
            path("data/jobs/<int:job_id>/progress/", self.page("data", jobs.progress), name="job_progress"),
            path("data/jobs/<int:job_id>/stop/", self.page("data", jobs.stop), name="job_stop"),
            path("data/feeds/", self.page("import", feeds.page), name="feeds"),
            path("data/feeds/new/", self.page("import", feeds.new), name="feed_new"),
            path("data/feeds/<int:feed_id>/", self.page("import", feeds.one), name="feed"),
            path("data/feeds/<int:feed_id>/<slug:verb>/", self.page("import", feeds.act), name="feed_act"),
            path("data/migrations/", self.page("import", feeds.migrations), name="migrations"),
            path("data/migrations/new/", self.page("import", feeds.begin), name="migration_begin"),
            path("data/migrations/<int:migration_id>/", self.page("import", feeds.migration_page), name="migration"),
            path(
                "data/migrations/<int:migration_id>/<slug:verb>/",
                self.page("import", feeds.migration_act),
                name="migration_act",
            ),
            path("data/import/", self.page("import", steps.start), name="import"),
            path("data/template/<slug:contract>/", self.page("import", steps.to_fill_in), name="import_template"),
            path("data/import/<int:upload_id>/", self.page("import", steps.look), name="import_look"),
            path("data/import/<int:upload_id>/map/", self.page("import", steps.map_), name="import_map"),
            path("data/import/<int:upload_id>/check/", self.page("import", steps.check), name="import_check"),
            path("data/import/<int:upload_id>/run/", self.page("import", steps.run), name="import_run"),
            path("data/import/<int:upload_id>/result/", self.page("import", steps.result), name="import_result"),
            path("data/import/<int:upload_id>/drop/", self.page("import", steps.drop), name="import_drop"),
            path(
                "data/templates/<int:template_id>/drop/",
                self.page("import", steps.drop_template),
                name="mapping_template_drop",
            ),
            path("data/batches/", self.page("data", batches.page), name="batches"),
            path("data/batches/<slug:batch>/", self.page("data", batches.one), name="batch"),
            path("data/batches/<slug:batch>/rejects/", self.page("data", batches.rejects), name="batch_rejects"),
            path("data/batches/<slug:batch>/undo/", self.page("import", batches.confirm), name="batch_undo"),
            path("data/batches/<slug:batch>/undo/now/", self.page("import", batches.undo), name="batch_undo_now"),
            path("quality/", self.page("data", quality.page), name="quality"),
            path("quality/rows/", self.page("data", quality.rows), name="quality_rows"),
            path("quality/archive/", self.page("archive", quality.archive), name="quality_archive"),
            path("quality/stale/", self.page("archive", quality.stale_rule), name="stale_rule"),
            path("data/archived/", self.page("data", archived.page), name="archived"),
            path("data/archived/back/", self.page("archive", archived.bring_back), name="bring_back"),
            path("data/precedence/", self.page("data", precedence.page), name="precedence"),
            path("customers/<int:person_id>/origins/", self.page("customers", precedence.origins), name="origins"),
            path("settings/audit/", self.page("audit", audit.page), name="audit"),
            path("settings/audit/verify/", self.page("audit", audit.verify), name="audit_verify"),
            path("settings/sharing/", self.page("grants", sharing.page), name="sharing"),
            path("settings/sharing/new/", self.page("grants", sharing.new), name="sharing_new"),
            path("settings/sharing/<int:grant_id>/revoke/", self.page("grants", sharing.revoke), name="sharing_revoke"),
            path("settings/requests/", self.page("rights", rights.page), name="requests"),
            path("settings/requests/open/", self.page("rights", rights.open_), name="request_open"),
            path("settings/requests/<int:request_id>/", self.page("rights", rights.one), name="request"),
            path(
                "settings/requests/<int:request_id>/carry-out/",
                self.page("rights", rights.carry_out),
                name="request_carry_out",
            ),
            path(
                "settings/requests/<int:request_id>/package/",
                self.page("rights", rights.hand_over),
                name="request_package",
            ),
            path(
                "settings/requests/<int:request_id>/correct/",
                self.page("rights", rights.correct),
                name="request_correct",
            ),
            path(
                "settings/requests/<int:request_id>/refuse/",
                self.page("rights", rights.refuse),
                name="request_refuse",
            ),
            path(
                "settings/requests/<int:request_id>/certificate/",
                self.page("rights", rights.certificate),
                name="request_certificate",
            ),
            path("settings/retention/", self.page("rights", rights.kept), name="retention"),
            path("settings/fields/", self.page("fields", fields.page), name="fields"),
            path("settings/fields/new/", self.page("fields", fields.edit), name="field_new"),
            path("settings/fields/layout/", self.page("fields", layouts.page), name="layout"),
            path("settings/fields/order/", self.page("fields", fields.order), name="fields_order"),
            path("settings/fields/<int:field_id>/", self.page("fields", fields.edit), name="field"),
            path(
                "settings/fields/<int:field_id>/archive/",
                self.page("fields", fields.put_away),
                name="field_put_away",
            ),
            path("settings/roles/", self.page("roles", roles.page), name="roles"),
            path("settings/roles/<slug:code>/", self.page("roles", roles.edit), name="role"),
            path("settings/roles/<slug:code>/drop/", self.page("roles", roles.drop), name="role_drop"),
            path("settings/keys/", self.page("keys", keys.page), name="keys"),
            path("settings/keys/<int:key_id>/revoke/", self.page("keys", keys.revoke), name="key_revoke"),
            path("settings/access/<int:user_id>/", self.page("users", roles.of_user), name="user_access"),
            path("customers/<int:person_id>/access/", self.page("users", roles.of_customer), name="customer_access"),
        ]
