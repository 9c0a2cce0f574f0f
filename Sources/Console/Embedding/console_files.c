// The web console's files, taken into the binary by the compiler (C23 #embed), so that nothing has to be found at run time.
// SwiftPM's own .embedInCode writes them as Swift arrays, which takes minutes to compile. A test compares this list with
// the folder.
#include "include/console_files.h"

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wc23-extensions"
#endif

static const unsigned char assets_access_css[] = {
#embed "../Files/assets/access.css"
};
static const unsigned char assets_api_js[] = {
#embed "../Files/assets/api.js"
};
static const unsigned char assets_components_css[] = {
#embed "../Files/assets/components.css"
};
static const unsigned char assets_components_code_field_js[] = {
#embed "../Files/assets/components/code-field.js"
};
static const unsigned char assets_components_confirm_js[] = {
#embed "../Files/assets/components/confirm.js"
};
static const unsigned char assets_components_facts_js[] = {
#embed "../Files/assets/components/facts.js"
};
static const unsigned char assets_components_filters_js[] = {
#embed "../Files/assets/components/filters.js"
};
static const unsigned char assets_components_form_js[] = {
#embed "../Files/assets/components/form.js"
};
static const unsigned char assets_components_growing_list_js[] = {
#embed "../Files/assets/components/growing-list.js"
};
static const unsigned char assets_components_icons_js[] = {
#embed "../Files/assets/components/icons.js"
};
static const unsigned char assets_components_live_badge_js[] = {
#embed "../Files/assets/components/live-badge.js"
};
static const unsigned char assets_components_mail_frame_js[] = {
#embed "../Files/assets/components/mail-frame.js"
};
static const unsigned char assets_components_new_password_js[] = {
#embed "../Files/assets/components/new-password.js"
};
static const unsigned char assets_components_notice_js[] = {
#embed "../Files/assets/components/notice.js"
};
static const unsigned char assets_components_paged_list_js[] = {
#embed "../Files/assets/components/paged-list.js"
};
static const unsigned char assets_components_pill_js[] = {
#embed "../Files/assets/components/pill.js"
};
static const unsigned char assets_components_qr_js[] = {
#embed "../Files/assets/components/qr.js"
};
static const unsigned char assets_components_recovery_codes_js[] = {
#embed "../Files/assets/components/recovery-codes.js"
};
static const unsigned char assets_components_secret_js[] = {
#embed "../Files/assets/components/secret.js"
};
static const unsigned char assets_components_section_js[] = {
#embed "../Files/assets/components/section.js"
};
static const unsigned char assets_components_session_table_js[] = {
#embed "../Files/assets/components/session-table.js"
};
static const unsigned char assets_components_states_js[] = {
#embed "../Files/assets/components/states.js"
};
static const unsigned char assets_components_step_up_js[] = {
#embed "../Files/assets/components/step-up.js"
};
static const unsigned char assets_components_table_js[] = {
#embed "../Files/assets/components/table.js"
};
static const unsigned char assets_components_time_js[] = {
#embed "../Files/assets/components/time.js"
};
static const unsigned char assets_device_js[] = {
#embed "../Files/assets/device.js"
};
static const unsigned char assets_element_js[] = {
#embed "../Files/assets/element.js"
};
static const unsigned char assets_format_js[] = {
#embed "../Files/assets/format.js"
};
static const unsigned char assets_frame_css[] = {
#embed "../Files/assets/frame.css"
};
static const unsigned char assets_frame_js[] = {
#embed "../Files/assets/frame.js"
};
static const unsigned char assets_gateway_css[] = {
#embed "../Files/assets/gateway.css"
};
static const unsigned char assets_icon_svg[] = {
#embed "../Files/assets/icon.svg"
};
static const unsigned char assets_live_js[] = {
#embed "../Files/assets/live.js"
};
static const unsigned char assets_mail_frame_html[] = {
#embed "../Files/assets/mail-frame.html"
};
static const unsigned char assets_main_js[] = {
#embed "../Files/assets/main.js"
};
static const unsigned char assets_pages_js[] = {
#embed "../Files/assets/pages.js"
};
static const unsigned char assets_pages_account_actions_js[] = {
#embed "../Files/assets/pages/account-actions.js"
};
static const unsigned char assets_pages_account_detail_js[] = {
#embed "../Files/assets/pages/account-detail.js"
};
static const unsigned char assets_pages_account_list_js[] = {
#embed "../Files/assets/pages/account-list.js"
};
static const unsigned char assets_pages_account_words_js[] = {
#embed "../Files/assets/pages/account-words.js"
};
static const unsigned char assets_pages_accounts_js[] = {
#embed "../Files/assets/pages/accounts.js"
};
static const unsigned char assets_pages_client_detail_js[] = {
#embed "../Files/assets/pages/client-detail.js"
};
static const unsigned char assets_pages_client_form_js[] = {
#embed "../Files/assets/pages/client-form.js"
};
static const unsigned char assets_pages_client_list_js[] = {
#embed "../Files/assets/pages/client-list.js"
};
static const unsigned char assets_pages_client_words_js[] = {
#embed "../Files/assets/pages/client-words.js"
};
static const unsigned char assets_pages_clients_js[] = {
#embed "../Files/assets/pages/clients.js"
};
static const unsigned char assets_pages_data_consents_js[] = {
#embed "../Files/assets/pages/data-consents.js"
};
static const unsigned char assets_pages_data_erasure_js[] = {
#embed "../Files/assets/pages/data-erasure.js"
};
static const unsigned char assets_pages_data_exports_js[] = {
#embed "../Files/assets/pages/data-exports.js"
};
static const unsigned char assets_pages_data_history_js[] = {
#embed "../Files/assets/pages/data-history.js"
};
static const unsigned char assets_pages_data_js[] = {
#embed "../Files/assets/pages/data.js"
};
static const unsigned char assets_pages_gateway_js[] = {
#embed "../Files/assets/pages/gateway.js"
};
static const unsigned char assets_pages_keys_js[] = {
#embed "../Files/assets/pages/keys.js"
};
static const unsigned char assets_pages_mail_list_js[] = {
#embed "../Files/assets/pages/mail-list.js"
};
static const unsigned char assets_pages_mail_message_js[] = {
#embed "../Files/assets/pages/mail-message.js"
};
static const unsigned char assets_pages_mail_suppressions_js[] = {
#embed "../Files/assets/pages/mail-suppressions.js"
};
static const unsigned char assets_pages_mail_words_js[] = {
#embed "../Files/assets/pages/mail-words.js"
};
static const unsigned char assets_pages_mail_js[] = {
#embed "../Files/assets/pages/mail.js"
};
static const unsigned char assets_pages_me_address_js[] = {
#embed "../Files/assets/pages/me-address.js"
};
static const unsigned char assets_pages_me_identities_js[] = {
#embed "../Files/assets/pages/me-identities.js"
};
static const unsigned char assets_pages_me_passkeys_js[] = {
#embed "../Files/assets/pages/me-passkeys.js"
};
static const unsigned char assets_pages_me_password_js[] = {
#embed "../Files/assets/pages/me-password.js"
};
static const unsigned char assets_pages_me_second_factor_js[] = {
#embed "../Files/assets/pages/me-second-factor.js"
};
static const unsigned char assets_pages_me_js[] = {
#embed "../Files/assets/pages/me.js"
};
static const unsigned char assets_pages_permission_picker_js[] = {
#embed "../Files/assets/pages/permission-picker.js"
};
static const unsigned char assets_pages_role_editor_js[] = {
#embed "../Files/assets/pages/role-editor.js"
};
static const unsigned char assets_pages_roles_js[] = {
#embed "../Files/assets/pages/roles.js"
};
static const unsigned char assets_pages_saga_axis_js[] = {
#embed "../Files/assets/pages/saga-axis.js"
};
static const unsigned char assets_pages_saga_detail_js[] = {
#embed "../Files/assets/pages/saga-detail.js"
};
static const unsigned char assets_pages_saga_filters_js[] = {
#embed "../Files/assets/pages/saga-filters.js"
};
static const unsigned char assets_pages_saga_list_js[] = {
#embed "../Files/assets/pages/saga-list.js"
};
static const unsigned char assets_pages_saga_timeline_js[] = {
#embed "../Files/assets/pages/saga-timeline.js"
};
static const unsigned char assets_pages_saga_words_js[] = {
#embed "../Files/assets/pages/saga-words.js"
};
static const unsigned char assets_pages_sagas_js[] = {
#embed "../Files/assets/pages/sagas.js"
};
static const unsigned char assets_pages_team_actions_js[] = {
#embed "../Files/assets/pages/team-actions.js"
};
static const unsigned char assets_pages_team_detail_js[] = {
#embed "../Files/assets/pages/team-detail.js"
};
static const unsigned char assets_pages_team_list_js[] = {
#embed "../Files/assets/pages/team-list.js"
};
static const unsigned char assets_pages_team_tables_js[] = {
#embed "../Files/assets/pages/team-tables.js"
};
static const unsigned char assets_pages_team_words_js[] = {
#embed "../Files/assets/pages/team-words.js"
};
static const unsigned char assets_pages_teams_js[] = {
#embed "../Files/assets/pages/teams.js"
};
static const unsigned char assets_permissions_js[] = {
#embed "../Files/assets/permissions.js"
};
static const unsigned char assets_problem_js[] = {
#embed "../Files/assets/problem.js"
};
static const unsigned char assets_qr_code_js[] = {
#embed "../Files/assets/qr-code.js"
};
static const unsigned char assets_redirect_uri_js[] = {
#embed "../Files/assets/redirect-uri.js"
};
static const unsigned char assets_router_js[] = {
#embed "../Files/assets/router.js"
};
static const unsigned char assets_sagas_css[] = {
#embed "../Files/assets/sagas.css"
};
static const unsigned char assets_save_js[] = {
#embed "../Files/assets/save.js"
};
static const unsigned char assets_session_js[] = {
#embed "../Files/assets/session.js"
};
static const unsigned char assets_sign_in_code_js[] = {
#embed "../Files/assets/sign-in-code.js"
};
static const unsigned char assets_sign_in_elsewhere_js[] = {
#embed "../Files/assets/sign-in-elsewhere.js"
};
static const unsigned char assets_sign_in_passkey_js[] = {
#embed "../Files/assets/sign-in-passkey.js"
};
static const unsigned char assets_sign_in_recovery_js[] = {
#embed "../Files/assets/sign-in-recovery.js"
};
static const unsigned char assets_sign_in_words_js[] = {
#embed "../Files/assets/sign-in-words.js"
};
static const unsigned char assets_sign_in_js[] = {
#embed "../Files/assets/sign-in.js"
};
static const unsigned char assets_theme_early_js[] = {
#embed "../Files/assets/theme-early.js"
};
static const unsigned char assets_theme_js[] = {
#embed "../Files/assets/theme.js"
};
static const unsigned char assets_tokens_css[] = {
#embed "../Files/assets/tokens.css"
};
static const unsigned char index_html[] = {
#embed "../Files/index.html"
};

#define FILE_AT(path, name) {path, name, sizeof name}

static const console_file files[] = {
    FILE_AT("assets/access.css", assets_access_css),
    FILE_AT("assets/api.js", assets_api_js),
    FILE_AT("assets/components.css", assets_components_css),
    FILE_AT("assets/components/code-field.js", assets_components_code_field_js),
    FILE_AT("assets/components/confirm.js", assets_components_confirm_js),
    FILE_AT("assets/components/facts.js", assets_components_facts_js),
    FILE_AT("assets/components/filters.js", assets_components_filters_js),
    FILE_AT("assets/components/form.js", assets_components_form_js),
    FILE_AT("assets/components/growing-list.js", assets_components_growing_list_js),
    FILE_AT("assets/components/icons.js", assets_components_icons_js),
    FILE_AT("assets/components/live-badge.js", assets_components_live_badge_js),
    FILE_AT("assets/components/mail-frame.js", assets_components_mail_frame_js),
    FILE_AT("assets/components/new-password.js", assets_components_new_password_js),
    FILE_AT("assets/components/notice.js", assets_components_notice_js),
    FILE_AT("assets/components/paged-list.js", assets_components_paged_list_js),
    FILE_AT("assets/components/pill.js", assets_components_pill_js),
    FILE_AT("assets/components/qr.js", assets_components_qr_js),
    FILE_AT("assets/components/recovery-codes.js", assets_components_recovery_codes_js),
    FILE_AT("assets/components/secret.js", assets_components_secret_js),
    FILE_AT("assets/components/section.js", assets_components_section_js),
    FILE_AT("assets/components/session-table.js", assets_components_session_table_js),
    FILE_AT("assets/components/states.js", assets_components_states_js),
    FILE_AT("assets/components/step-up.js", assets_components_step_up_js),
    FILE_AT("assets/components/table.js", assets_components_table_js),
    FILE_AT("assets/components/time.js", assets_components_time_js),
    FILE_AT("assets/device.js", assets_device_js),
    FILE_AT("assets/element.js", assets_element_js),
    FILE_AT("assets/format.js", assets_format_js),
    FILE_AT("assets/frame.css", assets_frame_css),
    FILE_AT("assets/frame.js", assets_frame_js),
    FILE_AT("assets/gateway.css", assets_gateway_css),
    FILE_AT("assets/icon.svg", assets_icon_svg),
    FILE_AT("assets/live.js", assets_live_js),
    FILE_AT("assets/mail-frame.html", assets_mail_frame_html),
    FILE_AT("assets/main.js", assets_main_js),
    FILE_AT("assets/pages.js", assets_pages_js),
    FILE_AT("assets/pages/account-actions.js", assets_pages_account_actions_js),
    FILE_AT("assets/pages/account-detail.js", assets_pages_account_detail_js),
    FILE_AT("assets/pages/account-list.js", assets_pages_account_list_js),
    FILE_AT("assets/pages/account-words.js", assets_pages_account_words_js),
    FILE_AT("assets/pages/accounts.js", assets_pages_accounts_js),
    FILE_AT("assets/pages/client-detail.js", assets_pages_client_detail_js),
    FILE_AT("assets/pages/client-form.js", assets_pages_client_form_js),
    FILE_AT("assets/pages/client-list.js", assets_pages_client_list_js),
    FILE_AT("assets/pages/client-words.js", assets_pages_client_words_js),
    FILE_AT("assets/pages/clients.js", assets_pages_clients_js),
    FILE_AT("assets/pages/data-consents.js", assets_pages_data_consents_js),
    FILE_AT("assets/pages/data-erasure.js", assets_pages_data_erasure_js),
    FILE_AT("assets/pages/data-exports.js", assets_pages_data_exports_js),
    FILE_AT("assets/pages/data-history.js", assets_pages_data_history_js),
    FILE_AT("assets/pages/data.js", assets_pages_data_js),
    FILE_AT("assets/pages/gateway.js", assets_pages_gateway_js),
    FILE_AT("assets/pages/keys.js", assets_pages_keys_js),
    FILE_AT("assets/pages/mail-list.js", assets_pages_mail_list_js),
    FILE_AT("assets/pages/mail-message.js", assets_pages_mail_message_js),
    FILE_AT("assets/pages/mail-suppressions.js", assets_pages_mail_suppressions_js),
    FILE_AT("assets/pages/mail-words.js", assets_pages_mail_words_js),
    FILE_AT("assets/pages/mail.js", assets_pages_mail_js),
    FILE_AT("assets/pages/me-address.js", assets_pages_me_address_js),
    FILE_AT("assets/pages/me-identities.js", assets_pages_me_identities_js),
    FILE_AT("assets/pages/me-passkeys.js", assets_pages_me_passkeys_js),
    FILE_AT("assets/pages/me-password.js", assets_pages_me_password_js),
    FILE_AT("assets/pages/me-second-factor.js", assets_pages_me_second_factor_js),
    FILE_AT("assets/pages/me.js", assets_pages_me_js),
    FILE_AT("assets/pages/permission-picker.js", assets_pages_permission_picker_js),
    FILE_AT("assets/pages/role-editor.js", assets_pages_role_editor_js),
    FILE_AT("assets/pages/roles.js", assets_pages_roles_js),
    FILE_AT("assets/pages/saga-axis.js", assets_pages_saga_axis_js),
    FILE_AT("assets/pages/saga-detail.js", assets_pages_saga_detail_js),
    FILE_AT("assets/pages/saga-filters.js", assets_pages_saga_filters_js),
    FILE_AT("assets/pages/saga-list.js", assets_pages_saga_list_js),
    FILE_AT("assets/pages/saga-timeline.js", assets_pages_saga_timeline_js),
    FILE_AT("assets/pages/saga-words.js", assets_pages_saga_words_js),
    FILE_AT("assets/pages/sagas.js", assets_pages_sagas_js),
    FILE_AT("assets/pages/team-actions.js", assets_pages_team_actions_js),
    FILE_AT("assets/pages/team-detail.js", assets_pages_team_detail_js),
    FILE_AT("assets/pages/team-list.js", assets_pages_team_list_js),
    FILE_AT("assets/pages/team-tables.js", assets_pages_team_tables_js),
    FILE_AT("assets/pages/team-words.js", assets_pages_team_words_js),
    FILE_AT("assets/pages/teams.js", assets_pages_teams_js),
    FILE_AT("assets/permissions.js", assets_permissions_js),
    FILE_AT("assets/problem.js", assets_problem_js),
    FILE_AT("assets/qr-code.js", assets_qr_code_js),
    FILE_AT("assets/redirect-uri.js", assets_redirect_uri_js),
    FILE_AT("assets/router.js", assets_router_js),
    FILE_AT("assets/sagas.css", assets_sagas_css),
    FILE_AT("assets/save.js", assets_save_js),
    FILE_AT("assets/session.js", assets_session_js),
    FILE_AT("assets/sign-in-code.js", assets_sign_in_code_js),
    FILE_AT("assets/sign-in-elsewhere.js", assets_sign_in_elsewhere_js),
    FILE_AT("assets/sign-in-passkey.js", assets_sign_in_passkey_js),
    FILE_AT("assets/sign-in-recovery.js", assets_sign_in_recovery_js),
    FILE_AT("assets/sign-in-words.js", assets_sign_in_words_js),
    FILE_AT("assets/sign-in.js", assets_sign_in_js),
    FILE_AT("assets/theme-early.js", assets_theme_early_js),
    FILE_AT("assets/theme.js", assets_theme_js),
    FILE_AT("assets/tokens.css", assets_tokens_css),
    FILE_AT("index.html", index_html),
};

size_t console_file_count(void) { return sizeof files / sizeof files[0]; }

console_file console_file_at(size_t index) { return files[index]; }
